#include "engine/app/geo_setup.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace sekisho::app {
namespace {

absl::StatusOr<std::unique_ptr<GeoDatabase>> Open(const std::string& path) {
  if (path.empty()) return nullptr;
  absl::StatusOr<std::unique_ptr<GeoDatabase>> database = GeoDatabase::Open(path);
  // A bad file is no bad command line.
  if (absl::IsInvalidArgument(database.status())) return absl::FailedPreconditionError(database.status().message());
  return database;
}

// "" if there is none.
std::string ShippedCountryFile() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return "";
  const std::filesystem::path directory = program.parent_path();
  return FindGeoFile({(directory / "share/sekisho").string(), (directory / "../share/sekisho").string()},
                     "country.mmdb");
}

}  // namespace

absl::StatusOr<GeoSet> OpenGeo(const JudgementOptions& options) {
  const std::string country_file = options.geo.empty() ? ShippedCountryFile() : options.geo;
  if (country_file.empty()) {
    std::fputs("sekisho: warning: no country database found, and none given by --geo: what an address's country would\n"
               "tell stays unseen, rotation over foreign networks is found later\n",
               stderr);
  }
  absl::StatusOr<std::unique_ptr<GeoDatabase>> country = Open(country_file);
  if (!country.ok()) return country.status();
  absl::StatusOr<std::unique_ptr<GeoDatabase>> asn = Open(options.asn);
  if (!asn.ok()) return asn.status();
  return GeoSet(*std::move(country), *std::move(asn));
}

}  // namespace sekisho::app
