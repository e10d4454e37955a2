#include "engine/cluster/observer.h"

namespace sekisho {

void FoldCounts::AddDeadLetter(const std::string& reason) {
  const bool room = dead_letters.size() < kReasonsMax || dead_letters.count(reason) > 0;
  ++dead_letters[room ? reason : "other"];
}

void FoldCounts::AddAction(const Action& action) {
  const auto kind = static_cast<size_t>(action.kind), mode = static_cast<size_t>(action.mode);
  ++actions[kind][mode];
  for (const Signal& signal : action.signals) {
    if (!signal.shadow || action.mode == Mode::kShadow) ++by_detector[kind][mode][static_cast<size_t>(signal.detector)];
  }
  circuit_breaker += action.rule == "circuit_breaker" ? 1 : 0;
}

}  // namespace sekisho
