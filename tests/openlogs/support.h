// For the tests over other projects' logs: where they are, what `sekisho events` makes of a file, and how well it did.
#ifndef SEKISHO_TESTS_OPENLOGS_SUPPORT_H_
#define SEKISHO_TESTS_OPENLOGS_SUPPORT_H_

#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace sekisho::openlogs {

// $SEKISHO_SHARED/logs, else ../shared/logs beside the repository; nullopt where there is none.
std::optional<std::filesystem::path> LogsFolder();

// All of a file, byte for byte; fails the test where it can't be read.
std::string ReadFile(const std::filesystem::path& path);
std::vector<std::string> Lines(const std::string& text);

// Writes the logs to be read into a folder of its own, which goes with it.
class EventsRunner {
 public:
  EventsRunner();
  ~EventsRunner();
  // The events of a file with these bytes, last changed at `modified` (that tells the year), whose times are of `zone`.
  // Fails the test where the program does.
  std::vector<nlohmann::json> Run(const std::string& bytes, std::time_t modified, const std::string& zone) const;

 private:
  std::filesystem::path folder_;
};

// The string member, or "".
std::string Text(const nlohmann::json& event, std::string_view name);
std::string Lower(std::string s);
// Canonical text of an address; "" for anything else.
std::string Address(const std::string& text);

// One field of one source.
struct Tally {
  int matched = 0, wrong = 0, missing = 0, not_labelled = 0;
  int scored() const { return matched + wrong + missing; }
  double share() const { return scored() == 0 ? 1 : static_cast<double>(matched) / scored(); }
  // "what   matched 11  wrong 0  missing 0  not labelled 0   N 11  100.0% [74.1%, 100.0%]", the interval Wilson's, of 95%.
  void Print(const std::string& what) const;
};

}  // namespace sekisho::openlogs

#endif  // SEKISHO_TESTS_OPENLOGS_SUPPORT_H_
