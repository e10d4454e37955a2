#include "engine/app/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>

namespace sekisho::app {
namespace {

size_t Width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

bool IsNumber(std::string_view cell) {
  return cell.find_first_not_of("0123456789,.+-%") == std::string_view::npos && !cell.empty();
}

}  // namespace

std::string WithCommas(int64_t n) {
  std::string digits = std::to_string(n);
  const size_t first = digits[0] == '-' ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string FormatBytes(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  double value = static_cast<double>(bytes);
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return buffer;
}

std::string HumanTime(EventTime time) {
  std::string text = FormatRfc3339(time);  // 2026-03-01T09:00:00.000+00:00
  if (time.never()) return text;
  const size_t seconds_end = text.find('.');
  text.resize(seconds_end);
  text[text.find('T')] = ' ';
  return text + "Z";
}

std::string Table::ToString(int indent) const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    out.append(static_cast<size_t>(indent), ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - Width(row[i]), ' ');
      if (i > 0) out += "  ";
      if (IsNumber(row[i])) {
        out += padding + row[i];
      } else {
        out += row[i];
        if (i + 1 < row.size()) out += padding;
      }
    }
    out += '\n';
  }
  return out;
}

Progress::Progress(Clock* clock) : clock_(clock), on_terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { Wipe(); }

void Progress::Update(uint64_t done, uint64_t total, std::string_view text) {
  if (!on_terminal_) return;
  const EventTime now = clock_->Now();
  if (now < next_) return;
  next_ = now + Span::Millis(200);
  drawn_ = true;
  if (total == 0) {
    std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(text.size()), text.data());
  } else {
    static constexpr uint64_t kCells = 30;
    const uint64_t filled = std::min(kCells, done * kCells / total);
    std::string bar(filled, '#');
    bar.resize(kCells, '.');
    std::fprintf(stderr, "\r\033[K[%s] %3" PRIu64 "%%  %.*s", bar.c_str(), std::min<uint64_t>(100, done * 100 / total),
                 static_cast<int>(text.size()), text.data());
  }
}

void Progress::Wipe() {
  if (!drawn_) return;
  drawn_ = false;
  std::fputs("\r\033[K", stderr);
}

}  // namespace sekisho::app
