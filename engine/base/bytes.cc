#include "engine/base/bytes.h"

namespace sekisho {
namespace {

// Writes the varint to `to` and returns its length.
size_t FormatVarint(uint64_t v, char to[10]) {
  size_t n = 0;
  while (v >= 0x80) {
    to[n++] = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  to[n++] = static_cast<char>(v);
  return n;
}

uint64_t LittleEndian(std::string_view bytes) {
  uint64_t v = 0;
  for (size_t i = bytes.size(); i-- > 0;) v = v << 8 | static_cast<uint8_t>(bytes[i]);
  return v;
}

}  // namespace

void ByteWriter::PutVarint(uint64_t v) {
  char text[10];
  out_->append(text, FormatVarint(v, text));
}

void ByteWriter::PutFixed32(uint32_t v) {
  char text[4];
  for (int i = 0; i < 4; ++i) text[i] = static_cast<char>(v >> (8 * i));
  out_->append(text, sizeof text);
}

void ByteWriter::PutFixed64(uint64_t v) {
  PutFixed32(static_cast<uint32_t>(v));
  PutFixed32(static_cast<uint32_t>(v >> 32));
}

void ByteWriter::PutBytes(std::string_view bytes) {
  PutVarint(bytes.size());
  out_->append(bytes);
}

void ByteWriter::EndBytes(size_t begin) {
  char text[10];
  // The length is known only now; the strings are short, so moving them is cheaper than a second buffer.
  out_->insert(begin, text, FormatVarint(out_->size() - begin, text));
}

uint64_t ByteReader::Varint() {
  uint64_t v = 0;
  for (size_t i = 0; i < rest_.size() && i < 10; ++i) {
    const uint8_t byte = static_cast<uint8_t>(rest_[i]);
    if (i == 9 && byte > 1) break;  // beyond 64 bits
    v |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte >= 0x80) continue;
    if (byte == 0 && i > 0) break;  // not the shortest spelling
    rest_.remove_prefix(i + 1);
    return v;
  }
  Fail();
  return 0;
}

uint64_t ByteReader::VarintUpTo(uint64_t max) {
  const uint64_t v = Varint();
  if (v <= max) return v;
  Fail();
  return 0;
}

uint32_t ByteReader::Fixed32() {
  if (rest_.size() < 4) {
    Fail();
    return 0;
  }
  const uint64_t v = LittleEndian(rest_.substr(0, 4));
  rest_.remove_prefix(4);
  return static_cast<uint32_t>(v);
}

uint64_t ByteReader::Fixed64() {
  if (rest_.size() < 8) {
    Fail();
    return 0;
  }
  const uint64_t v = LittleEndian(rest_.substr(0, 8));
  rest_.remove_prefix(8);
  return v;
}

std::string_view ByteReader::Bytes() {
  const uint64_t n = VarintUpTo(rest_.size());
  if (n > rest_.size()) {  // the length's own bytes count no more
    Fail();
    return {};
  }
  const std::string_view bytes = rest_.substr(0, n);
  rest_.remove_prefix(n);
  return bytes;
}

size_t ByteReader::Length(size_t element_bytes_min) {
  const uint64_t n = Varint();
  if (element_bytes_min == 0 || n <= rest_.size() / element_bytes_min) return n;
  Fail();
  return 0;
}

}  // namespace sekisho
