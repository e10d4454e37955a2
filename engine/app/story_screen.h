// What a support agent needs to know of one account, on one screen: at most kScreenLines lines of kScreenColumns columns, in words,
// with numbers and thresholds. Story collects the facts while the fold runs.
#ifndef SEKISHO_ENGINE_APP_STORY_SCREEN_H_
#define SEKISHO_ENGINE_APP_STORY_SCREEN_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/ip.h"
#include "engine/policy/policy.h"
#include "engine/window/account_window.h"
#include "engine/window/features.h"

namespace sekisho::app {

inline constexpr size_t kScreenLines = 24;
inline constexpr size_t kScreenColumns = 100;

// What unfamiliar sources did from one onset on.
struct Episode {
  EventTime onset, last;          // first and last message
  std::string first_source;       // "192.0.2.1 (RU)"
  uint64_t messages = 0;
  std::set<uint64_t> sources;     // at most kSourcesCounted
  std::map<std::string, uint64_t> countries;  // messages by country
  static constexpr size_t kSourcesCounted = 100'000;
};

// The account as it was when the gravest thing was done about it.
struct Picture {
  Action action;
  Episode episode;
  uint64_t recipients = 0;        // of the episode, until then
  EventTime first_seen, last_read;
  std::vector<std::pair<std::string, int>> countries;  // the owner's, with days
  int owner_sources = 0;          // that are remembered
  Features features;
  uint64_t reads_a_day_hundredths = 0;
};

struct ScreenFacts {
  std::string_view login;
  const AccountWindow* account = nullptr;  // at the end of the logs
  const Policy* policy = nullptr;
  const Picture* picture = nullptr;        // null: nothing was done
  uint64_t messages_after = 0;             // by unfamiliar sources, after the picture's action
  EventTime last_after;                    // the last of them
  EventTime first, last;                   // events of the account
  uint64_t events = 0;
  int32_t risk_max = 0;                    // where nothing was done
  EventTime risk_max_at;
  std::string risk_max_signals;
  const Action* release = nullptr;         // the last one after the picture's action
  size_t actions = 0;                      // all that was done
  bool all = false;                        // the timeline follows
};

std::string Screen(const ScreenFacts& facts);

// As many characters (UTF-8) as a terminal shows columns for, cut at blanks: lines after the first begin with `indent` blanks.
std::vector<std::string> Wrap(std::string_view text, size_t columns, size_t indent);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_STORY_SCREEN_H_
