// Writes small MMDB files, so that a test or a demonstration can say itself which address is where. Not for millions of
// networks: the tree is built in memory, one node a bit.
#ifndef SEKISHO_ENGINE_GEO_TESTING_MMDB_WRITER_H_
#define SEKISHO_ENGINE_GEO_TESTING_MMDB_WRITER_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/ip.h"

namespace sekisho::testing {

class MmdbWriter {
 public:
  // How a record says what it knows.
  enum class Layout {
    kCountryCode,     // {"country_code": "JP"}
    kIsoCode,         // {"country": {"iso_code": "JP"}}
    kRegistered,      // {"registered_country": {"iso_code": "JP"}}
    kCountryText,     // {"country": "JP"}
    kAsNumber,        // {"autonomous_system_number": 2497}
    kAsText,          // {"asn": "AS2497"}
  };
  explicit MmdbWriter(Layout layout, std::string type = "Sekisho-Test") : layout_(layout), type_(std::move(type)) {}

  // The network of `ip`'s first `bits` bits, counted in its own family: [0, 32] or [0, 128]. A later one wins over an
  // earlier one; networks must not be added after narrower ones within them.
  void Add(const IpAddress& ip, int bits, std::string_view value);

  // The file: an IPv6 tree with 32-bit records and the given build time (seconds since 1970).
  std::string Bytes(uint64_t build_epoch) const;
  absl::Status WriteFile(const std::string& path, uint64_t build_epoch) const;

 private:
  // A child is 0 (nothing), a node's index, or ~n for value n.
  struct Node {
    int32_t child[2] = {0, 0};
  };
  Layout layout_;
  std::string type_;
  std::vector<Node> nodes_ = {Node{}};
  std::vector<std::string> values_;
  std::map<std::string, int32_t, std::less<>> value_index_;
};

// One value in the format's own encoding, for tests that build damaged files. A map or array is a head of `members`
// followed by them.
std::string MmdbText(std::string_view text);
std::string MmdbUint(uint64_t value, int type, int bytes);
std::string MmdbHead(int type, uint64_t size);
std::string MmdbPointer(uint32_t target);
// {tree, separator, data, mark, metadata}
std::string MmdbFile(std::string_view tree, std::string_view data, std::string_view metadata);
// The metadata that MMDB_open demands.
std::string MmdbMetadata(uint32_t nodes, int ip_version, std::string_view type, uint64_t build_epoch);

}  // namespace sekisho::testing

#endif  // SEKISHO_ENGINE_GEO_TESTING_MMDB_WRITER_H_
