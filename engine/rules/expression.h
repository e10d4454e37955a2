// An operator's expression, compiled: text in, a few four-byte steps for a stack machine out.
//
//   condition  = and { "||" and }            and    = not { "&&" not }         not = "!" not | comparison
//   comparison = sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
//   sum        = product { ("+" | "-") product }                product = factor { ("*" | "/") factor }
//   factor     = "-" factor | number | feature | feature "(" duration ")" | "(" condition ")"
//   duration   = number ("s" | "m" | "h" | "d"), e.g. 90s, 1h
//
// Two types, checked while compiling: numbers (64 bits, signed) and yes-or-no. Arithmetic and comparisons take numbers,
// "&&", "||" and "!" take yes-or-no; nothing converts. Comparisons don't chain. The whole must be yes-or-no.
//
// What can't be computed is defined, so that a rule never fails while it runs: what doesn't fit 64 bits stays at the
// greatest or least number; division rounds towards zero, and by zero gives 0 (dividing by the constant 0 is refused). "&&"
// and "||" ask their right side only if it matters.
#ifndef SEKISHO_ENGINE_RULES_EXPRESSION_H_
#define SEKISHO_ENGINE_RULES_EXPRESSION_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/rules/feature_table.h"

namespace sekisho::rules {

// A rule is a sentence, not a program. With these, a hostile file can neither blow the stack nor slow the fold: at worst 500
// steps and kReadingsMax readings an event and rule.
inline constexpr size_t kExpressionBytesMax = 1000;
inline constexpr int kNestingMax = 32;   // of brackets, "!" and "-"
inline constexpr int kStackMax = 48;
// Different features with their windows in all rules of a policy together: one bit each tells which are read already.
inline constexpr size_t kReadingsMax = 64;
// Shown for one signal; the rest isn't.
inline constexpr size_t kEvidenceMax = 16;

// What is wrong with an expression, and at which byte of it; `at` may be its end.
struct Flaw {
  size_t at = 0;
  std::string what;
};

// A feature over a window, as rules ask for it. Rules that ask for the same share one.
struct Reading {
  uint16_t feature = 0;  // in AllFeatures()
  Span window;
  bool operator==(const Reading&) const = default;
};

enum class Op : uint8_t {
  kRead, kConstant, kSmall,                // push a reading, a constant of the pool, `arg` itself
  kAdd, kSubtract, kMultiply, kDivide, kNegate,
  kLess, kLessEqual, kGreater, kGreaterEqual, kEqual, kNotEqual,
  kNot,
  kAnd, kOr,                               // if that decides, jump to `arg` and keep the top; else drop it
};
struct Step {
  Op op = Op::kSmall;
  uint16_t arg = 0;
};
static_assert(sizeof(Step) == 4);

// A part of the steps that gives one value by itself.
struct Range {
  uint16_t first = 0, last = 0;  // [first, last)
  bool empty() const { return first == last; }
};

// What is shown of one reading when a rule holds, if `condition` came out as the rule wants it there.
struct Clue {
  Range condition;
  bool wanted = true;      // false: under an odd number of "!"
  uint16_t reading = 0;
  Range threshold;         // what it was compared with; empty: nothing but more arithmetic
};

// What the expressions of one policy share.
struct Pool {
  std::vector<Reading> readings;  // at most kReadingsMax
  std::vector<int64_t> constants;
};

struct Expression {
  std::vector<Step> steps;
  std::vector<Clue> clues;
};

// Fills `expression` and adds to `pool` what it needs; on a flaw both are as they were.
std::optional<Flaw> Compile(std::string_view text, Pool* pool, Expression* expression);

// The values that one event's rules have asked for so far. Nothing is read before it is needed, and nothing twice.
class Values {
 public:
  Values(const Scene& scene, const Pool& pool) : scene_(scene), pool_(pool) {}
  int64_t Of(uint16_t reading) {
    const uint64_t bit = uint64_t{1} << reading;
    if ((known_ & bit) == 0) Read(reading);
    return values_[reading];
  }
  int64_t constant(uint16_t i) const { return pool_.constants[i]; }
  const Pool& pool() const { return pool_; }
  int read() const { return std::popcount(known_); }

 private:
  void Read(uint16_t reading);

  const Scene& scene_;
  const Pool& pool_;
  uint64_t known_ = 0;
  std::array<int64_t, kReadingsMax> values_;  // only those that are known
};

// The value of a part, of one that Compile made; a yes is 1.
int64_t Evaluate(const Expression& expression, Range part, Values* values);
inline bool Holds(const Expression& e, Values* values) {
  return Evaluate(e, {0, static_cast<uint16_t>(e.steps.size())}, values) != 0;
}

}  // namespace sekisho::rules

#endif  // SEKISHO_ENGINE_RULES_EXPRESSION_H_
