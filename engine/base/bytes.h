// The codec under everything stored: varints, fixed words and length-prefixed bytes, appended to a string and read back
// from untrusted bytes.
#ifndef SEKISHO_ENGINE_BASE_BYTES_H_
#define SEKISHO_ENGINE_BASE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sekisho {

// A signed number as an unsigned one that is small where the magnitude is: 0, -1, 1, -2 become 0, 1, 2, 3.
constexpr uint64_t ToZigzag(int64_t v) { return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63); }
constexpr int64_t FromZigzag(uint64_t v) { return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1); }

// Appends to a string that the caller owns and that outlives the writer.
class ByteWriter {
 public:
  explicit ByteWriter(std::string* out) : out_(out) {}

  // Little-endian groups of seven bits, as in protobuf: 1 to 10 bytes.
  void PutVarint(uint64_t v);
  void PutZigzag(int64_t v) { PutVarint(ToZigzag(v)); }
  // Little-endian.
  void PutFixed32(uint32_t v);
  void PutFixed64(uint64_t v);
  // A varint length, then the bytes.
  void PutBytes(std::string_view bytes);

  // Everything put between Begin and End becomes one length-prefixed string. Pairs may nest.
  size_t BeginBytes() const { return out_->size(); }
  void EndBytes(size_t begin);

 private:
  std::string* out_;
};

// Reads what ByteWriter wrote. A read that doesn't fit fails the reader for good and gives zero or an empty view, so a
// decoder may read on and ask ok() once before it trusts anything. Never reads past the end.
//
// Only the shortest spelling of a varint is accepted, so that equal values have equal bytes.
class ByteReader {
 public:
  // The bytes must outlive the reader.
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  uint64_t Varint();
  // Fails for a value above `max`.
  uint64_t VarintUpTo(uint64_t max);
  int64_t Zigzag() { return FromZigzag(Varint()); }
  uint32_t Fixed32();
  uint64_t Fixed64();
  // Aliases the reader's bytes.
  std::string_view Bytes();
  // A number of elements that take at least `element_bytes_min` bytes each: fails where the rest can't hold them, so that
  // a decoder may reserve what it is told.
  size_t Length(size_t element_bytes_min);

  void Fail() {
    ok_ = false;
    rest_ = {};
  }
  bool ok() const { return ok_; }
  // Everything was read, and well.
  bool done() const { return ok_ && rest_.empty(); }
  size_t remaining() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_BASE_BYTES_H_
