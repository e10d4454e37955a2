#include "engine/geo/testing/mmdb_writer.h"

#include <fstream>

#include "absl/strings/str_cat.h"

namespace sekisho::testing {
namespace {

constexpr int kPointerType = 1, kTextType = 2, kUint16Type = 5, kUint32Type = 6, kMapType = 7, kUint64Type = 9,
              kArrayType = 11;

std::string BigEndian(uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  return out;
}

std::string Pair(std::string_view key, std::string_view value) { return absl::StrCat(MmdbText(key), std::string(value)); }

}  // namespace

std::string MmdbHead(int type, uint64_t size) {
  const int short_type = type < 8 ? type : 0;
  std::string extended = type < 8 ? "" : std::string(1, static_cast<char>(type - 7));
  std::string length;
  uint64_t low = size;
  if (size >= 65821) {
    low = 31;
    length = BigEndian(size - 65821, 3);
  } else if (size >= 285) {
    low = 30;
    length = BigEndian(size - 285, 2);
  } else if (size >= 29) {
    low = 29;
    length = BigEndian(size - 29, 1);
  }
  return std::string(1, static_cast<char>(short_type << 5 | static_cast<int>(low))) + extended + length;
}

std::string MmdbText(std::string_view text) { return MmdbHead(kTextType, text.size()) + std::string(text); }

std::string MmdbUint(uint64_t value, int type, int bytes) {
  return MmdbHead(type, static_cast<uint64_t>(bytes)) + BigEndian(value, bytes);
}

std::string MmdbPointer(uint32_t target) {
  return std::string(1, static_cast<char>(kPointerType << 5 | 3 << 3)) + BigEndian(target, 4);
}

std::string MmdbMetadata(uint32_t nodes, int ip_version, std::string_view type, uint64_t build_epoch) {
  return absl::StrCat(
      MmdbHead(kMapType, 9), Pair("binary_format_major_version", MmdbUint(2, kUint16Type, 2)),
      Pair("binary_format_minor_version", MmdbUint(0, kUint16Type, 2)),
      Pair("build_epoch", MmdbUint(build_epoch, kUint64Type, 8)), Pair("database_type", MmdbText(type)),
      Pair("description", MmdbHead(kMapType, 0)),
      Pair("ip_version", MmdbUint(static_cast<uint64_t>(ip_version), kUint16Type, 2)),
      Pair("languages", MmdbHead(kArrayType, 0)), Pair("node_count", MmdbUint(nodes, kUint32Type, 4)),
      Pair("record_size", MmdbUint(32, kUint16Type, 2)));
}

std::string MmdbFile(std::string_view tree, std::string_view data, std::string_view metadata) {
  std::string out(tree);
  out.append(16, '\0');
  out.append(data);
  out.append("\xab\xcd\xefMaxMind.com");
  out.append(metadata);
  return out;
}

void MmdbWriter::Add(const IpAddress& ip, int bits, std::string_view value) {
  // IPv4 lives under ::/96; an IpAddress keeps it under ::ffff:0:0/96.
  std::array<uint8_t, 16> bytes = ip.bytes();
  if (ip.is_v4()) {
    bytes[10] = bytes[11] = 0;
    bits += 96;
  }
  auto [it, added] = value_index_.try_emplace(std::string(value), static_cast<int32_t>(values_.size()));
  if (added) values_.emplace_back(value);
  const int32_t leaf = ~it->second;
  size_t node = 0;
  for (int depth = 0; depth < bits; ++depth) {
    const int side = bytes[static_cast<size_t>(depth / 8)] >> (7 - depth % 8) & 1;
    if (depth == bits - 1) {
      nodes_[node].child[side] = leaf;
      return;
    }
    int32_t child = nodes_[node].child[side];
    if (child <= 0) {  // split what was there
      nodes_.push_back(Node{{child, child}});
      child = static_cast<int32_t>(nodes_.size()) - 1;
      nodes_[node].child[side] = child;
    }
    node = static_cast<size_t>(child);
  }
}

std::string MmdbWriter::Bytes(uint64_t build_epoch) const {
  std::string data;
  std::vector<uint32_t> offsets;
  for (const std::string& value : values_) {
    offsets.push_back(static_cast<uint32_t>(data.size()));
    const std::string inner = MmdbHead(kMapType, 1) + Pair("iso_code", MmdbText(value));
    data += MmdbHead(kMapType, 1);
    switch (layout_) {
      case Layout::kCountryCode: data += Pair("country_code", MmdbText(value)); break;
      case Layout::kIsoCode: data += Pair("country", inner); break;
      case Layout::kRegistered: data += Pair("registered_country", inner); break;
      case Layout::kCountryText: data += Pair("country", MmdbText(value)); break;
      case Layout::kAsText: data += Pair("asn", MmdbText(value)); break;
      case Layout::kAsNumber: {
        uint64_t number = 0;
        for (char c : value) number = number * 10 + static_cast<uint64_t>(c - '0');
        data += Pair("autonomous_system_number", MmdbUint(number, kUint32Type, 4));
        break;
      }
    }
  }
  const uint32_t nodes = static_cast<uint32_t>(nodes_.size());
  std::string tree;
  for (const Node& node : nodes_) {
    for (const int32_t child : node.child) {
      const uint32_t record = child == 0  ? nodes
                              : child > 0 ? static_cast<uint32_t>(child)
                                          : nodes + 16 + offsets[static_cast<size_t>(~child)];
      tree += BigEndian(record, 4);
    }
  }
  return MmdbFile(tree, data, MmdbMetadata(nodes, 6, type_, build_epoch));
}

absl::Status MmdbWriter::WriteFile(const std::string& path, uint64_t build_epoch) const {
  const std::string bytes = Bytes(build_epoch);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  return out ? absl::OkStatus() : absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
}

}  // namespace sekisho::testing
