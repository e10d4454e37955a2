// Running the program over a log, and counting.
#include "tests/openlogs/support.h"

#include <gtest/gtest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "engine/base/ip.h"

namespace sekisho::openlogs {

std::optional<std::filesystem::path> LogsFolder() {
  const char* shared = std::getenv("SEKISHO_SHARED");
  const std::filesystem::path folder = std::filesystem::path(shared != nullptr ? shared : "../shared") / "logs";
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return std::nullopt;
  return folder;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) ADD_FAILURE() << "cannot read " << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

EventsRunner::EventsRunner() {
  std::string name = (std::filesystem::temp_directory_path() / "sekisho-openlogs-XXXXXX").string();
  folder_ = mkdtemp(name.data());
}

EventsRunner::~EventsRunner() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::vector<nlohmann::json> EventsRunner::Run(const std::string& bytes, std::time_t modified, const std::string& zone) const {
  const std::string path = (folder_ / "case.log").string();
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  const timespec times[2] = {{modified, 0}, {modified, 0}};
  utimensat(AT_FDCWD, path.c_str(), times, 0);
  const std::string command = std::string("'") + SEKISHO_BINARY + "' events --timezone '" + zone + "' '" + path + "' 2>'" + path + ".err'";
  std::vector<nlohmann::json> events;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    ADD_FAILURE() << "cannot run " << command;
    return events;
  }
  std::string out;
  std::array<char, 65536> buffer;
  for (size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) out.append(buffer.data(), n);
  const int status = pclose(pipe);
  EXPECT_EQ(status, 0) << command << "\n" << ReadFile(path + ".err") << "\non: " << bytes.substr(0, 500);
  for (const std::string& line : Lines(out)) {
    events.push_back(nlohmann::json::parse(line, nullptr, false));
    EXPECT_TRUE(events.back().is_object()) << line;
  }
  return events;
}

std::string Text(const nlohmann::json& event, std::string_view name) {
  const auto it = event.find(std::string(name));
  return it == event.end() || !it->is_string() ? "" : it->get<std::string>();
}

std::string Lower(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(), [](unsigned char c) { return c < 128 ? static_cast<char>(std::tolower(c)) : static_cast<char>(c); });
  return s;
}

std::string Address(const std::string& text) {
  const auto ip = IpAddress::Parse(text);
  return ip ? ip->ToString() : "";
}

void Tally::Print(const std::string& what) const {
  constexpr double kZ = 1.959964;
  const double n = scored(), p = share();
  double low = 0, high = 1;
  if (n > 0) {
    const double centre = (p + kZ * kZ / (2 * n)) / (1 + kZ * kZ / n);
    const double half = kZ / (1 + kZ * kZ / n) * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
    low = centre - half;
    high = centre + half;
  }
  std::printf("%-34s matched %3d  wrong %2d  missing %2d  not labelled %3d   N %3d  %5.1f%% [%.1f%%, %.1f%%]\n", what.c_str(), matched, wrong,
              missing, not_labelled, scored(), 100 * p, 100 * std::max(low, 0.0), 100 * std::min(high, 1.0));
}

}  // namespace sekisho::openlogs
