// A growable array with a 16-byte header and no allocation while empty: an account holds dozens of these, and most stay
// empty, so std::vector's 24 bytes and its doubling would cost more than what they hold.
#ifndef SEKISHO_ENGINE_WINDOW_SMALL_ARRAY_H_
#define SEKISHO_ENGINE_WINDOW_SMALL_ARRAY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

namespace sekisho {

template <typename T>
class SmallArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  SmallArray() = default;
  SmallArray(const SmallArray& other) { Assign(other.begin(), other.size_); }
  SmallArray(SmallArray&& other) noexcept { swap(other); }
  SmallArray& operator=(SmallArray other) noexcept {
    swap(other);
    return *this;
  }
  void swap(SmallArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data_.get(); }
  T* end() { return data_.get() + size_; }
  const T* begin() const { return data_.get(); }
  const T* end() const { return data_.get() + size_; }
  T& operator[](uint32_t i) { return data_[i]; }
  const T& operator[](uint32_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }
  size_t heap_bytes() const { return size_t{capacity_} * sizeof(T); }

  void push_back(T v) { Insert(size_, v); }
  void Insert(uint32_t at, T v) {
    if (size_ == capacity_) Reserve(size_ + size_ / 2 + 2);
    std::memmove(data_.get() + at + 1, data_.get() + at, (size_ - at) * sizeof(T));
    data_[at] = v;
    ++size_;
  }
  void Erase(uint32_t at, uint32_t n = 1) {
    if (n == 0) return;
    std::memmove(data_.get() + at, data_.get() + at + n, (size_ - at - n) * sizeof(T));
    size_ -= n;
  }
  // Zeroes what is new.
  void Resize(uint32_t n) {
    Reserve(n);
    if (n > size_) std::fill(data_.get() + size_, data_.get() + n, T{});
    size_ = n;
  }
  void Reserve(uint32_t capacity) {
    if (capacity <= capacity_) return;
    std::unique_ptr<T[]> grown(new T[capacity]);
    if (size_ > 0) std::memcpy(grown.get(), data_.get(), size_ * sizeof(T));
    data_ = std::move(grown);
    capacity_ = capacity;
  }
  // Gives the memory back too.
  void Clear() { *this = SmallArray(); }

 private:
  void Assign(const T* from, uint32_t n) {
    if (n == 0) return;
    Reserve(n);
    std::memcpy(data_.get(), from, n * sizeof(T));
    size_ = n;
  }

  std::unique_ptr<T[]> data_;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_WINDOW_SMALL_ARRAY_H_
