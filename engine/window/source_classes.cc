// Two small tables: networks by length, AS numbers in order.
#include "engine/window/source_classes.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace sekisho {
namespace {

std::optional<uint32_t> ParseAsn(std::string_view word) {
  if (!word.starts_with("AS")) return std::nullopt;
  word.remove_prefix(2);
  uint32_t asn = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), asn);
  if (error != std::errc() || end != word.data() + word.size() || asn == 0) return std::nullopt;
  return asn;
}

}  // namespace

std::string_view Name(SourceClass source_class) {
  static constexpr std::array<std::string_view, kSourceClasses> kNames = {"unknown", "residential", "carrier", "hosting",
                                                                         "fetcher", "vpn", "tor", "own"};
  const auto i = static_cast<size_t>(source_class);
  return i < kNames.size() ? kNames[i] : "unknown";
}

SourceClasses SourceClasses::Default() {
  SourceClasses classes;
  const auto set = [&classes](SourceClass c, const std::vector<std::string>& words) { classes.Set(c, words); };
  // Access networks of Japan's and some other countries' large providers.
  set(SourceClass::kResidential, {"AS4713", "AS2516", "AS17676", "AS2527", "AS2518", "AS4685", "AS9824", "AS17511", "AS7922",
                                  "AS7018", "AS701", "AS3320", "AS3215", "AS2856", "AS4766", "AS3462"});
  set(SourceClass::kCarrier, {"AS9605", "AS138384", "AS21928", "AS20057"});
  // Rented servers.
  set(SourceClass::kHosting, {"AS16509", "AS14618", "AS396982", "AS14061", "AS20473", "AS63949", "AS24940", "AS16276",
                              "AS51167", "AS12876", "AS60781", "AS36352", "AS31898", "AS37963", "AS45102", "AS45090",
                              "AS132203", "AS136907", "AS9370", "AS9371", "AS7684", "AS7506"});
  // Clouds from which mail programs and mailbox imports log in for their users; one can rent servers there, too.
  set(SourceClass::kFetcher, {"AS8075", "AS15169"});
  // Hosts of most commercial services' exits.
  set(SourceClass::kVpn, {"AS9009", "AS60068", "AS212238"});
  return classes;
}

std::string SourceClasses::Set(SourceClass source_class, const std::vector<std::string>& words) {
  std::vector<std::string> normal;
  for (const std::string& word : words) {
    const std::optional<IpNetwork> network = IpNetwork::Parse(word);
    if (!network && !ParseAsn(word)) return "expected networks or AS numbers, such as 192.0.2.0/24 or AS64500";
    normal.push_back(network ? network->ToString() : word);
  }
  words_[static_cast<size_t>(source_class)] = std::move(normal);
  Index();
  return "";
}

void SourceClasses::Index() {
  std::map<uint32_t, SourceClass> asns;
  networks_.clear();
  for (size_t c = 0; c < words_.size(); ++c) {
    for (const std::string& word : words_[c]) {
      if (const std::optional<uint32_t> asn = ParseAsn(word)) {
        asns[*asn] = static_cast<SourceClass>(c);
      } else if (const std::optional<IpNetwork> network = IpNetwork::Parse(word)) {
        const int bits = network->prefix_bits() + (network->first().is_v4() ? 96 : 0);
        networks_[bits][network->first()] = static_cast<SourceClass>(c);
      }
    }
  }
  asns_.assign(asns.begin(), asns.end());
}

SourceClass SourceClasses::Of(const IpAddress& ip, const Place& place) const {
  for (const auto& [bits, networks] : networks_) {
    const auto it = networks.find(ip.Masked(bits));
    if (it != networks.end()) return it->second;
  }
  if (place.asn == 0) return SourceClass::kUnknown;
  const auto it = std::lower_bound(asns_.begin(), asns_.end(), place.asn, [](const auto& entry, uint32_t asn) { return entry.first < asn; });
  return it != asns_.end() && it->first == place.asn ? it->second : SourceClass::kUnknown;
}

}  // namespace sekisho
