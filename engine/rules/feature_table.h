// Every number and every yes or no that an operator's rule may ask for. One table: the compiler of rules looks names up in it,
// `sekisho features` prints it, README.md beside this file holds its printed form, and a test keeps the two equal.
//
// Windows are (at - window, at], where `at` is the event's own time.
#ifndef SEKISHO_ENGINE_RULES_FEATURE_TABLE_H_
#define SEKISHO_ENGINE_RULES_FEATURE_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/model/event.h"
#include "engine/window/account_window.h"
#include "engine/window/ages.h"
#include "engine/window/features.h"

namespace sekisho::rules {

// One event that has just been applied to its account: what features are read from. All of it outlives the reading.
struct Scene {
  const AccountWindow& account;
  const Event& event;
  const AccountWindow::Touch& touch;
  const Features& features;
};

enum class Type : uint8_t { kNumber = 0, kYesNo = 1 };
enum class Windows : uint8_t {
  kNone = 0,   // written without brackets
  kAny = 1,    // every whole number of seconds in [kWindowLeast, kWindowMost]
  kFixed = 2,  // the ones listed, and no other
};
inline constexpr Span kWindowLeast = Span::Seconds(1);
inline constexpr Span kWindowMost = kWindowMax;

// "Hours since" something that never happened: more than any history.
inline constexpr int64_t kNeverHours = 1'000'000;

struct Feature {
  std::string_view name;     // [a-z][a-z0-9_]*, at most kNameBytesMax; never renamed: policies hold it
  Type type = Type::kNumber;
  Windows windows = Windows::kNone;
  std::array<Span, 2> fixed;  // where kFixed; unused ones are zero
  std::string_view unit;
  std::string_view meaning;   // follows a number: "messages sent"
  int64_t (*read)(const Scene& scene, Span window) = nullptr;  // 0 or 1 for kYesNo
  bool blind = false;  // not read after a failed login: 0, no or -1 then

  static constexpr size_t kNameBytesMax = 32;
};

// In the order in which they are printed.
std::span<const Feature> AllFeatures();
// Its index in AllFeatures(); -1: there is no such feature.
int FindFeature(std::string_view name);

// "1h", "90s": as it is written in a rule.
std::string WindowText(Span window);
// "any, 1s to 31d", "1d", "none".
std::string WindowsText(const Feature& feature);
// The table as Markdown, as README.md holds it.
std::string FeaturesMarkdown();

}  // namespace sekisho::rules

#endif  // SEKISHO_ENGINE_RULES_FEATURE_TABLE_H_
