// Checks an MMDB value before libmaxminddb reads it: the library recurses once for each level of nesting and trusts the
// lengths it skips, so that a few megabytes of opening brackets overflow its stack. The format is described at
// maxmind.github.io/MaxMind-DB.
#ifndef SEKISHO_ENGINE_GEO_MMDB_CHECK_H_
#define SEKISHO_ENGINE_GEO_MMDB_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"

namespace sekisho {

// Real files nest four levels deep.
inline constexpr int kMmdbDepthMax = 32;

class MmdbChecker {
 public:
  // `section` is what offsets and pointers are relative to; it must outlive the checker. At most `values_max` values are
  // looked at over the checker's life.
  MmdbChecker(std::string_view section, uint64_t values_max) : section_(section), values_left_(values_max) {}

  // OK when the value at `offset` and all it contains lie within the section, have lengths that fit their types, nest at
  // most kMmdbDepthMax deep, and every map key is text. With `follow`, what pointers lead to is checked (and counted) as
  // well; else a pointer's target need only lie within the section, except a key's.
  absl::Status Check(size_t offset, bool follow);

  // The unsigned number under `key` in the map at `offset`; nullopt where there is none. Only after Check said OK.
  std::optional<uint64_t> FindUint(size_t offset, std::string_view key);

 private:
  struct Value {
    int type = 0;
    uint64_t size = 0;     // bytes; of a map or array: members; of a pointer: its target
    size_t payload = 0;    // offset of what follows the head
  };
  absl::Status ReadHead(size_t offset, Value* value);
  absl::Status CheckKey(size_t* offset);
  absl::Status CheckValue(size_t* offset, int depth, bool follow);

  std::string_view section_;
  uint64_t values_left_;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_GEO_MMDB_CHECK_H_
