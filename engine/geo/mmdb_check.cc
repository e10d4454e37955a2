#include "engine/geo/mmdb_check.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace sekisho {
namespace {

// Types as numbered by the format. 0 announces a further byte.
enum MmdbType { kExtended = 0, kPointer = 1, kText = 2, kDouble = 3, kBytes = 4, kUint16 = 5, kUint32 = 6, kMap = 7,
                kInt32 = 8, kUint64 = 9, kUint128 = 10, kArray = 11, kBoolean = 14, kFloat = 15 };

// The sizes a type may have, in bytes.
bool SizeFits(int type, uint64_t size) {
  switch (type) {
    case kDouble: return size == 8;
    case kFloat: return size == 4;
    case kUint16: return size <= 2;
    case kUint32:
    case kInt32: return size <= 4;
    case kUint64: return size <= 8;
    case kUint128: return size <= 16;
    case kBoolean: return size <= 1;
    default: return true;
  }
}

absl::Status Damaged(size_t offset, const char* what) {
  return absl::DataLossError(absl::StrCat(what, " at data offset ", offset));
}

}  // namespace

absl::Status MmdbChecker::ReadHead(size_t offset, Value* value) {
  if (values_left_ == 0) return absl::DataLossError("its records take more steps to read than its size explains");
  --values_left_;
  auto byte = [&](size_t i) { return uint64_t{static_cast<uint8_t>(section_[i])}; };
  size_t at = offset;
  if (at >= section_.size()) return Damaged(offset, "a value begins outside the data");
  const uint64_t control = byte(at++);
  value->type = static_cast<int>(control >> 5);

  // How many further bytes the head has: a pointer's target, or the length of a long value.
  uint64_t number = control & 0x1f;
  uint64_t base = 0;
  size_t more = 0;
  if (value->type == kPointer) {
    static constexpr uint64_t kBase[] = {0, 2048, 526336, 0};
    const size_t width = (control >> 3) & 3;
    more = width + 1;
    number = width == 3 ? 0 : control & 7;
    base = kBase[width];
  } else {
    if (value->type == kExtended) {
      if (at >= section_.size()) return Damaged(offset, "a value is cut off");
      value->type = static_cast<int>(7 + byte(at++));
    }
    if (number >= 29) {
      static constexpr uint64_t kBase[] = {29, 285, 65821};
      more = number - 28;
      base = kBase[number - 29];
      number = 0;
    }
  }
  if (more > section_.size() - at) return Damaged(offset, "a value is cut off");
  for (size_t i = 0; i < more; ++i) number = number << 8 | byte(at++);
  value->size = base + number;
  value->payload = at;

  const bool known = (value->type >= kPointer && value->type <= kArray) || value->type == kBoolean || value->type == kFloat;
  if (!known) return Damaged(offset, "a value of unknown type");
  if (value->type == kPointer) {
    if (value->size >= section_.size()) return Damaged(offset, "a pointer leads outside the data");
    return absl::OkStatus();
  }
  if (!SizeFits(value->type, value->size)) return Damaged(offset, "a number of impossible length");
  // Every member takes a byte at least, so this bounds maps and arrays as well. A boolean is all head.
  if (value->type != kBoolean && value->size > section_.size() - at) return Damaged(offset, "a value runs past the data");
  return absl::OkStatus();
}

absl::Status MmdbChecker::CheckKey(size_t* offset) {
  Value key;
  if (absl::Status s = ReadHead(*offset, &key); !s.ok()) return s;
  if (key.type == kPointer) {
    *offset = key.payload;
    const size_t target = key.size;
    if (absl::Status s = ReadHead(target, &key); !s.ok()) return s;
    return key.type == kText ? absl::OkStatus() : Damaged(target, "a map key that is not text");
  }
  if (key.type != kText) return Damaged(*offset, "a map key that is not text");
  *offset = key.payload + key.size;
  return absl::OkStatus();
}

absl::Status MmdbChecker::CheckValue(size_t* offset, int depth, bool follow) {
  if (depth > kMmdbDepthMax) return Damaged(*offset, "values nested too deep");
  Value value;
  if (absl::Status s = ReadHead(*offset, &value); !s.ok()) return s;
  switch (value.type) {
    case kPointer: {
      *offset = value.payload;
      size_t target = value.size;
      return follow ? CheckValue(&target, depth + 1, follow) : absl::OkStatus();
    }
    case kMap:
    case kArray:
      *offset = value.payload;
      for (uint64_t i = 0; i < value.size; ++i) {
        if (value.type == kMap) {
          if (absl::Status s = CheckKey(offset); !s.ok()) return s;
        }
        if (absl::Status s = CheckValue(offset, depth + 1, follow); !s.ok()) return s;
      }
      return absl::OkStatus();
    case kBoolean:
      *offset = value.payload;
      return absl::OkStatus();
    default:
      *offset = value.payload + value.size;
      return absl::OkStatus();
  }
}

absl::Status MmdbChecker::Check(size_t offset, bool follow) { return CheckValue(&offset, 0, follow); }

std::optional<uint64_t> MmdbChecker::FindUint(size_t offset, std::string_view key) {
  Value map;
  if (!ReadHead(offset, &map).ok() || map.type != kMap) return std::nullopt;
  size_t at = map.payload;
  for (uint64_t i = 0; i < map.size; ++i) {
    Value name, value;
    if (!ReadHead(at, &name).ok()) return std::nullopt;
    const bool direct = name.type == kText;
    at = direct ? name.payload + name.size : name.payload;
    if (!direct && !ReadHead(name.size, &name).ok()) return std::nullopt;
    if (section_.substr(name.payload, name.size) != key) {
      if (!CheckValue(&at, 0, /*follow=*/false).ok()) return std::nullopt;
      continue;
    }
    if (!ReadHead(at, &value).ok()) return std::nullopt;
    if (value.type == kPointer && !ReadHead(value.size, &value).ok()) return std::nullopt;
    if (value.type != kUint16 && value.type != kUint32 && value.type != kUint64) return std::nullopt;
    uint64_t number = 0;
    for (const char c : section_.substr(value.payload, value.size)) number = number << 8 | static_cast<uint8_t>(c);
    return number;
  }
  return std::nullopt;
}

}  // namespace sekisho
