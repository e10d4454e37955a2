// source_burst: a stray source sends and sends.
//
// Observed: in one of ten stolen accounts a single foreign address sends thousands of messages within about an hour,
// several a second, without pause. The first ten within ten minutes are enough to be odd for a source that the owner
// never used and doesn't read from. A source in the owner's own country is given ten times as much, because people tell everybody of
// a wedding from a friend's house; one that is read from a little twice as much, an account
// in its first week three times.
//
// Observed, too: some thieves read the mailbox for days before they send, until their address passes for the owner's. What
// gives them away is the country: one that hardly any reading comes from sends more than the owner ever did.
// Limits: says little in an account's first day, and nothing in the log's first hours. An owner whose one large mailing leaves from
// abroad before he reads there looks alike; so does one who watches from the owner's own country.
#include <algorithm>

#include "engine/detect/detector.h"

namespace sekisho {

bool DetectSourceBurst(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const bool far = f.familiarity == Familiarity::kFar;
  const Policy::SourceBurst& p = in.policy.source_burst;
  // Familiar, but in a country that hardly any reading comes from, and far more than the owner ever sent.
  if (!f.stray && f.country_read_percent <= p.side_percent_max) {
    const int64_t usual = f.usual_messages_day * p.side_factor_percent / 100;
    const Limit side{std::max(p.side_country.at_least, usual), p.side_country.score};
    return Reach(in, side, "messages_24h", f.messages_24h, Span::Hours(24), signal);
  }
  if (!f.stray || TooYoung(f)) return false;
  const auto scaled = [&](const Limit& limit, int64_t times) {
    const int64_t elsewhere = f.newcomer() ? p.newcomer_factor_percent : p.near_factor_percent;
    const int64_t habit = UnsettledTimes(f) * (f.reads_there > 0 ? p.read_factor_percent : 100);
    const int64_t factor = (far ? 100 : elsewhere) * habit / 100;
    const int64_t weight = far ? 100 : p.near_score_percent;
    return Limit{limit.at_least * times * factor / 100, static_cast<int32_t>(limit.score * weight / 100)};
  };
  const int64_t r = p.recipients_per_message;
  const Span minute = Span::Minutes(1), ten = Span::Minutes(10), hour = Span::Hours(1);
  // A little haste is no news in an account's first day.
  const bool settled = !f.young || f.newcomer();
  bool any = settled && far && Reach(in, scaled(p.minute, 1), "stray_messages_1m", f.stray_messages_1m, minute, signal);
  any |= Reach(in, scaled(p.hour_high, 1), "stray_messages_1h", f.stray_messages_1h, hour, signal) ||
         Reach(in, scaled(p.hour, 1), "stray_messages_1h", f.stray_messages_1h, hour, signal) ||
         (settled && Reach(in, scaled(p.ten_minutes, 1), "stray_messages_10m", f.stray_messages_10m, ten, signal));
  if (f.stray_messages_1h >= p.recipients_messages_min) {
    any |= Reach(in, scaled(p.hour_high, r), "stray_recipients_1h", f.stray_recipients_1h, hour, signal) ||
           Reach(in, scaled(p.hour, r), "stray_recipients_1h", f.stray_recipients_1h, hour, signal) ||
           (settled && Reach(in, scaled(p.ten_minutes, r), "stray_recipients_10m", f.stray_recipients_10m, ten, signal));
  }
  // Whom the messages go to outranks their number: an owner who empties his outbox after a flight writes to his own people.
  if (f.ToKnownPeople(p.judged_min)) {
    signal->score /= 2;
  } else if (f.ToStrangersAsUsual(p.judged_min, p.as_usual_points)) {
    signal->score = static_cast<int32_t>(signal->score * p.as_usual_percent / 100);
  }
  return any;
}

}  // namespace sekisho
