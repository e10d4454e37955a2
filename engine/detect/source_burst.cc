// source_burst: a stray source sends and sends.
//
// Observed: in one of ten stolen accounts a single foreign address sends thousands of messages within about an hour,
// several a second, without pause. The first eight within ten minutes are enough to be odd for a source that the owner
// never used and doesn't read from; a source in the owner's own country is given twice as much.
// Limits: says nothing while the log has less than a day of history, since every source is new then.
#include "engine/detect/detector.h"

namespace sekisho {

bool DetectSourceBurst(const DetectInput& in, Signal* signal) {
  const Features& f = in.features;
  if (!f.stray || (f.young && f.log_young)) return false;
  const Policy::SourceBurst& p = in.policy.source_burst;
  const auto scaled = [&](const Limit& limit, int64_t times) {
    const int64_t factor = f.familiarity == Familiarity::kFar ? 100 : p.near_factor_percent;
    return Limit{limit.at_least * times * factor / 100, limit.score};
  };
  const int64_t r = p.recipients_per_message;
  bool any = Reach(in, scaled(p.hour_high, 1), "stray_messages_1h", f.stray_messages_1h, Span::Hours(1), signal) ||
             Reach(in, scaled(p.hour, 1), "stray_messages_1h", f.stray_messages_1h, Span::Hours(1), signal) ||
             Reach(in, scaled(p.ten_minutes, 1), "stray_messages_10m", f.stray_messages_10m, Span::Minutes(10), signal);
  any |= Reach(in, scaled(p.hour_high, r), "stray_recipients_1h", f.stray_recipients_1h, Span::Hours(1), signal) ||
         Reach(in, scaled(p.hour, r), "stray_recipients_1h", f.stray_recipients_1h, Span::Hours(1), signal) ||
         Reach(in, scaled(p.ten_minutes, r), "stray_recipients_10m", f.stray_recipients_10m, Span::Minutes(10), signal);
  return any;
}

}  // namespace sekisho
