// What people read on standard error: escaped text, aligned tables, a progress bar.
#ifndef SEKISHO_ENGINE_APP_TERMINAL_H_
#define SEKISHO_ENGINE_APP_TERMINAL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/printable.h"

namespace sekisho::app {

// "1,234,567".
std::string WithCommas(int64_t n);
// "1.5 GiB", "12 KiB", "7 B".
std::string FormatBytes(uint64_t bytes);

// "2026-03-01 09:00:00Z", for people; "never".
std::string HumanTime(EventTime time);

// Rows of cells, columns aligned: numbers to the right (cells of digits,
// commas, points, signs and "%"), words to the left. The last column isn't padded. Widths count UTF-8 characters.
class Table {
 public:
  void Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Each line is indented by `indent` spaces and ends in a newline.
  std::string ToString(int indent = 2) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// One line on standard error that is redrawn in place, at most five times a second, and only on a terminal.
class Progress {
 public:
  explicit Progress(Clock* clock);
  ~Progress();  // wipes the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap enough to be called for each batch. total 0: unknown.
  void Update(uint64_t done, uint64_t total, std::string_view text);
  // Removes the line, so that something else can be printed.
  void Wipe();

 private:
  Clock* const clock_;
  const bool on_terminal_;
  bool drawn_ = false;
  EventTime next_;
};

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_TERMINAL_H_
