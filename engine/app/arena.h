// Memory for the values of one batch: taken piece by piece, given back all at once.
#ifndef SEKISHO_ENGINE_APP_ARENA_H_
#define SEKISHO_ENGINE_APP_ARENA_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sekisho::app {

// Thread-compatible. Addresses are stable until Clear.
class Arena {
 public:
  std::string_view Copy(std::string_view text) {
    if (text.empty()) return {};
    char* to = static_cast<char*>(Take(text.size(), 1));
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }
  // Uninitialised.
  template <typename T>
  std::span<T> Array(size_t n) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (n == 0) return {};
    T* array = static_cast<T*>(Take(n * sizeof(T), alignof(T)));
    for (size_t i = 0; i < n; ++i) new (array + i) T;
    return {array, n};
  }
  // Everything taken is void; one block is kept for the next batch.
  void Clear() {
    if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), blocks_.end() - 1);
    used_ = 0;
  }

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    size_t size = 0;
  };
  static constexpr size_t kBlockBytes = 256 << 10;

  void* Take(size_t bytes, size_t alignment) {
    size_t at = (used_ + alignment - 1) / alignment * alignment;
    if (blocks_.empty() || at + bytes > blocks_.back().size) {
      const size_t size = std::max(kBlockBytes, bytes);
      blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
      at = 0;
    }
    used_ = at + bytes;
    return blocks_.back().bytes.get() + at;
  }

  std::vector<Block> blocks_;
  size_t used_ = 0;  // of the last block
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_ARENA_H_
