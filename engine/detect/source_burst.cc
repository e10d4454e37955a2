// source_burst: a stray source sends and sends.
//
// Observed: in one of ten stolen accounts a single foreign address sends thousands of messages within about an hour,
// several a second, without pause. The first eight within ten minutes are enough to be odd for a source that the owner
// never used and doesn't read from; a source in the owner's own country is given
// three times as much, and one that is read from a little twice as much.
// Limits: says little in an account's first day, and nothing in the log's first hours.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectSourceBurst(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  const bool far = f.familiarity == Familiarity::kFar;
  // While an account is young, only a foreign source against a home where mail is read is odd: a new customer may begin
  // with a mailing.
  if (!f.stray || (f.young && (f.log_young || !far || !f.reads_mail))) return false;
  const Policy::SourceBurst& p = in.policy.source_burst;
  const auto scaled = [&](const Limit& limit, int64_t times) {
    const int64_t factor = (far ? 100 : p.near_factor_percent) * (f.reads_there > 0 ? p.read_factor_percent : 100) / 100;
    const int64_t weight = far ? 100 : p.near_score_percent;
    return Limit{limit.at_least * times * factor / 100, static_cast<int32_t>(limit.score * weight / 100)};
  };
  const int64_t r = p.recipients_per_message;
  const Span minute = Span::Minutes(1), ten = Span::Minutes(10), hour = Span::Hours(1);
  bool any = far && Reach(in, scaled(p.minute, 1), "stray_messages_1m", f.stray_messages_1m, minute, signal);
  any |= Reach(in, scaled(p.hour_high, 1), "stray_messages_1h", f.stray_messages_1h, hour, signal) ||
         Reach(in, scaled(p.hour, 1), "stray_messages_1h", f.stray_messages_1h, hour, signal) ||
         Reach(in, scaled(p.ten_minutes, 1), "stray_messages_10m", f.stray_messages_10m, ten, signal);
  if (f.stray_messages_1h >= p.recipients_messages_min) {
    any |= Reach(in, scaled(p.hour_high, r), "stray_recipients_1h", f.stray_recipients_1h, hour, signal) ||
           Reach(in, scaled(p.hour, r), "stray_recipients_1h", f.stray_recipients_1h, hour, signal) ||
           Reach(in, scaled(p.ten_minutes, r), "stray_recipients_10m", f.stray_recipients_10m, ten, signal);
  }
  // Whom the messages go to outranks their number: an owner who empties his outbox after a flight writes to his own people.
  const bool known_people = f.stray_judged_1h >= p.judged_min && f.stray_new_recipients_1h * 2 < f.stray_judged_1h;
  if (known_people) signal->score /= 2;
  return any;
}

}  // namespace sekisho
