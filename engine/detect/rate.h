// What send_rate and recipient_rate share: a count against the class's limit and the account's own habit.
#ifndef SEKISHO_ENGINE_DETECT_RATE_H_
#define SEKISHO_ENGINE_DETECT_RATE_H_

#include <algorithm>

#include "engine/detect/detector.h"

namespace sekisho {

// The threshold of the hour is the hour's limit or, where that is more, the usual factor times the largest day before
// today; likewise for the day. Three times the threshold scores high.
// Of the class `sender`, `sender` stands for the policy's own limits.
inline bool DetectRate(const DetectInput& in, const Policy::Rate& p, const Policy::VolumeLimits& sender, std::string_view hour_feature, int64_t hour,
                       std::string_view day_feature, int64_t day, int64_t usual_day, Signal* signal) {
  const int64_t habit = usual_day * p.usual_factor_percent / 100;
  const bool sends_much = in.customer == CustomerClass::kSender;
  const int64_t hour_limit = std::max(sends_much ? sender.hour_limit : p.hour_limit, habit);
  const int64_t day_limit = std::max(sends_much ? sender.day_limit : p.day_limit, habit);
  const bool fast = Reach(in, {hour_limit * 3, p.score_high}, hour_feature, hour, Span::Hours(1), signal) ||
                    Reach(in, {hour_limit, p.score}, hour_feature, hour, Span::Hours(1), signal);
  const bool slow = Reach(in, {day_limit * 3, p.score_high}, day_feature, day, Span::Hours(24), signal) ||
                    Reach(in, {day_limit, p.score}, day_feature, day, Span::Hours(24), signal);
  return fast || slow;
}

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_DETECT_RATE_H_
