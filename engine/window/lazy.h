// A value that is made when it is first written: eight bytes for all the accounts that never need it.
#ifndef SEKISHO_ENGINE_WINDOW_LAZY_H_
#define SEKISHO_ENGINE_WINDOW_LAZY_H_

#include <memory>

namespace sekisho {

// Thread-compatible. A value: copies are independent. One that was never made reads as a T() does.
template <typename T>
class Lazy {
 public:
  Lazy() = default;
  Lazy(const Lazy& other) : value_(other.value_ == nullptr ? nullptr : std::make_unique<T>(*other.value_)) {}
  Lazy(Lazy&&) noexcept = default;
  Lazy& operator=(Lazy other) noexcept {
    value_.swap(other.value_);
    return *this;
  }

  // Null until it is made.
  const T* get() const { return value_.get(); }
  T& Make() {
    if (value_ == nullptr) value_ = std::make_unique<T>();
    return *value_;
  }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_LAZY_H_
