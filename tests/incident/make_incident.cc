// Writes the published incident for others to read: DIRECTORY/mail.log and DIRECTORY/country.mmdb.
// Usage: make_incident ADDRESSES.tsv DIRECTORY
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/incident/incident.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: make_incident ADDRESSES.tsv DIRECTORY\n");
    return 2;
  }
  const auto uses = sekisho::incident::ReadUses(argv[1]);
  if (!uses.ok()) {
    std::fprintf(stderr, "%s\n", std::string(uses.status().message()).c_str());
    return 1;
  }
  const std::filesystem::path directory = argv[2];
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  std::ofstream log(directory / "mail.log", std::ios::binary | std::ios::trunc);
  log << sekisho::incident::LogLines(*uses);
  log.close();
  const auto geo = sekisho::incident::WriteGeo(*uses, (directory / "country.mmdb").string());
  if (!log || !geo.ok()) {
    std::fprintf(stderr, "%s: cannot be written to\n", argv[2]);
    return 1;
  }
  return 0;
}
