// Named places where a process can be made to die at once, as by SIGKILL, or to stand still, as by SIGSTOP, so that tests find out
// what a death at that very place costs, and what one does who wakes up there when others have taken its place. Nothing is armed unless `main` does so on a person's word; then a place costs one load of a flag.
#ifndef SEKISHO_ENGINE_BASE_FAIL_POINT_H_
#define SEKISHO_ENGINE_BASE_FAIL_POINT_H_

#include <atomic>
#include <string_view>

namespace sekisho {

// "NAME" or "NAME:N": the process dies when it comes past NAME for the N-th time, N from 1 on. Behind "stop:" it stops instead, and
// goes on there at SIGCONT. False: not of that form.
// Once, before other threads run.
bool ArmFailPoint(std::string_view spec);

namespace internal {
inline std::atomic<bool> fail_point_armed{false};
void PassFailPoint(std::string_view name);
}  // namespace internal

// Thread-safe.
inline void FailPoint(std::string_view name) {
  if (internal::fail_point_armed.load(std::memory_order_relaxed)) [[unlikely]] internal::PassFailPoint(name);
}

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_BASE_FAIL_POINT_H_
