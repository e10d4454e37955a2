// The compiler, in one pass, and the stack machine.
#include "engine/rules/expression.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sekisho::rules {
namespace {

enum class Kind : uint8_t { kEnd, kNumber, kDuration, kWord, kSign };

struct Token {
  Kind kind = Kind::kEnd;
  size_t at = 0;
  std::string_view text;
  int64_t number = 0;  // of kNumber
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

// The number of single letters to change, add or leave out.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t same = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({same, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string UnknownFeature(std::string_view name) {
  std::string what = "there is no feature " + Quoted(name.substr(0, Feature::kNameBytesMax));
  size_t best = 3;
  std::string_view meant;
  if (name.size() <= Feature::kNameBytesMax) {
    for (const Feature& feature : AllFeatures()) {
      const size_t distance = Distance(name, feature.name);
      if (distance < best) {
        best = distance;
        meant = feature.name;
      }
    }
  }
  if (!meant.empty()) return what + "; did you mean " + std::string(meant) + "?";
  return what + "; \"sekisho features\" lists them";
}

// What has been compiled of an operand.
struct Operand {
  Type type = Type::kNumber;
  size_t at = 0;  // in the text
  Range range;
};

class Compiler {
 public:
  Compiler(std::string_view text, Pool* pool, Expression* out) : text_(text), pool_(pool), out_(out) {}

  std::optional<Flaw> Run() {
    if (text_.size() > kExpressionBytesMax) {
      return Flaw{kExpressionBytesMax, "longer than " + std::to_string(kExpressionBytesMax) + " bytes"};
    }
    Operand whole;
    if (!Next() || !Or(&whole)) return flaw_;
    if (token_.kind != Kind::kEnd) {
      Fail(token_.at, "an operator or the end was expected, not " + Quoted(token_.text));
      return flaw_;
    }
    if (whole.type != Type::kYesNo) {
      Fail(whole.at, "the rule is a number, but must be yes or no: compare it, such as ... > 10");
    }
    return flaw_;
  }

 private:
  bool Fail(size_t at, std::string what) {
    if (!flaw_) flaw_ = Flaw{at, std::move(what)};
    return false;
  }

  bool Next() {
    while (place_ < text_.size() && IsSpace(text_[place_])) ++place_;
    token_ = {Kind::kEnd, place_, text_.substr(place_, 0), 0};
    if (place_ == text_.size()) return true;
    const char c = text_[place_];
    size_t end = place_ + 1;
    if (IsDigit(c)) {
      while (end < text_.size() && IsDigit(text_[end])) ++end;
      const auto [stop, error] = std::from_chars(text_.data() + place_, text_.data() + end, token_.number);
      if (error != std::errc() || stop != text_.data() + end) return Fail(place_, "the number is greater than 9223372036854775807");
      token_.kind = Kind::kNumber;
      if (end < text_.size() && IsLetter(text_[end])) {
        while (end < text_.size() && (IsLetter(text_[end]) || IsDigit(text_[end]))) ++end;
        token_.kind = Kind::kDuration;
      }
    } else if (IsLetter(c)) {
      while (end < text_.size() && (IsLetter(text_[end]) || IsDigit(text_[end]))) ++end;
      token_.kind = Kind::kWord;
    } else {
      const char d = end < text_.size() ? text_[end] : '\0';
      token_.kind = Kind::kSign;
      switch (c) {
        case '+': case '-': case '*': case '/': case '(': case ')': break;
        case '<': case '>': case '!': end += d == '='; break;
        case '=':
          if (d != '=') return Fail(place_, "\"=\" compares nothing: write \"==\"");
          ++end;
          break;
        case '&': case '|':
          if (d != c) return Fail(place_, "\"" + std::string(1, c) + "\" alone means nothing: write it twice");
          ++end;
          break;
        case '.': case ',': return Fail(place_, "numbers are whole: multiply the other side instead");
        case '%': return Fail(place_, "there is no \"%\": multiply by 100 and compare, such as 100 * a >= 80 * b");
        default: return Fail(place_, "this character belongs to no expression");
      }
    }
    token_.text = text_.substr(place_, end - place_);
    place_ = end;
    return true;
  }

  bool Is(std::string_view sign) const { return token_.kind == Kind::kSign && token_.text == sign; }

  uint16_t here() const { return static_cast<uint16_t>(out_->steps.size()); }

  // `pushed`: how much higher the stack is after it.
  bool Emit(Op op, uint16_t arg, int pushed, size_t at) {
    out_->steps.push_back({op, arg});
    height_ += pushed;
    return height_ <= kStackMax || Fail(at, "too much is pending here: use fewer brackets");
  }

  bool Want(const Operand& operand, Type type, std::string_view sign, std::string_view side) {
    if (operand.type == type) return true;
    const std::string_view wants = type == Type::kNumber ? "a number" : "yes or no (a comparison, say)";
    const std::string_view is = type == Type::kNumber ? "yes or no" : "a number";
    return Fail(operand.at, Quoted(sign) + " wants " + std::string(wants) + " " + std::string(side) + ", but this is " + std::string(is));
  }

  // "||" and "&&" alike.
  bool Chain(std::string_view sign, Op op, bool (Compiler::*part)(Operand*), Operand* whole) {
    if (!(this->*part)(whole)) return false;
    while (Is(sign)) {
      const size_t at = token_.at;
      if (!Want(*whole, Type::kYesNo, sign, "on its left") || !Next()) return false;
      const uint16_t jump = here();
      Operand right;
      if (!Emit(op, 0, -1, at) || !(this->*part)(&right) || !Want(right, Type::kYesNo, sign, "on its right")) return false;
      out_->steps[jump].arg = here();
      whole->range.last = here();
    }
    return true;
  }
  bool Or(Operand* whole) { return Chain("||", Op::kOr, &Compiler::And, whole); }
  bool And(Operand* whole) { return Chain("&&", Op::kAnd, &Compiler::Not, whole); }

  bool Not(Operand* whole) {
    if (!Is("!")) return Comparison(whole);
    const size_t at = token_.at;
    if (!Enter(at) || !Next()) return false;
    wanted_ = !wanted_;
    const bool good = Not(whole);
    wanted_ = !wanted_;
    --nesting_;
    if (!good || !Want(*whole, Type::kYesNo, "!", "behind it") || !Emit(Op::kNot, 0, 0, at)) return false;
    whole->at = at;
    whole->range.last = here();
    return true;
  }

  std::optional<Op> ComparisonHere() const {
    static constexpr std::pair<std::string_view, Op> kSigns[] = {
        {"<", Op::kLess},          {"<=", Op::kLessEqual}, {">", Op::kGreater},
        {">=", Op::kGreaterEqual}, {"==", Op::kEqual},     {"!=", Op::kNotEqual}};
    for (const auto& [sign, op] : kSigns) {
      if (Is(sign)) return op;
    }
    return std::nullopt;
  }

  bool Comparison(Operand* whole) {
    if (!Sum(whole)) return false;
    const std::optional<Op> op = ComparisonHere();
    if (!op) return true;
    const std::string_view sign = token_.text;
    const size_t at = token_.at;
    const Operand left = *whole;
    Operand right;
    if (!Want(left, Type::kNumber, sign, "on its left") || !Next() || !Sum(&right) ||
        !Want(right, Type::kNumber, sign, "on its right") || !Emit(*op, 0, -1, at)) {
      return false;
    }
    whole->type = Type::kYesNo;
    whole->range.last = here();
    if (ComparisonHere()) return Fail(token_.at, "comparisons don't chain: join two of them by \"&&\"");
    AddClues(left.range, right.range, whole->range);
    return true;
  }

  bool Lone(Range range) const { return range.last - range.first == 1 && out_->steps[range.first].op == Op::kRead; }

  // A feature by itself on one side has the other side for its threshold; others are only shown.
  void AddClues(Range left, Range right, Range condition) {
    for (uint16_t i = condition.first; i < condition.last; ++i) {
      const Step& step = out_->steps[i];
      if (step.op != Op::kRead) continue;
      Clue clue{condition, wanted_, step.arg, {}};
      if (i == left.first && Lone(left)) {
        clue.threshold = right;
      } else if (i == right.first && Lone(right) && !Lone(left)) {
        clue.threshold = left;
      }
      out_->clues.push_back(clue);
    }
  }

  bool Arithmetic(std::string_view one, Op one_op, std::string_view other, Op other_op, bool (Compiler::*part)(Operand*),
                  Operand* whole) {
    if (!(this->*part)(whole)) return false;
    while (Is(one) || Is(other)) {
      const Op op = Is(one) ? one_op : other_op;
      const std::string_view sign = token_.text;
      const size_t at = token_.at;
      Operand right;
      if (!Want(*whole, Type::kNumber, sign, "on its left") || !Next() || !(this->*part)(&right) ||
          !Want(right, Type::kNumber, sign, "on its right")) {
        return false;
      }
      const Step& last = out_->steps.back();
      if (op == Op::kDivide && right.range.last - right.range.first == 1 && last.op == Op::kSmall && last.arg == 0) {
        return Fail(right.at, "division by zero");
      }
      if (!Emit(op, 0, -1, at)) return false;
      whole->range.last = here();
    }
    return true;
  }
  bool Sum(Operand* whole) { return Arithmetic("+", Op::kAdd, "-", Op::kSubtract, &Compiler::Product, whole); }
  bool Product(Operand* whole) { return Arithmetic("*", Op::kMultiply, "/", Op::kDivide, &Compiler::Factor, whole); }

  bool Enter(size_t at) {
    return ++nesting_ <= kNestingMax || Fail(at, "nested deeper than " + std::to_string(kNestingMax) + " levels");
  }

  bool Factor(Operand* whole) {
    *whole = {Type::kNumber, token_.at, {here(), here()}};
    switch (token_.kind) {
      case Kind::kNumber: {
        const int64_t n = token_.number;
        if (!Constant(n, token_.at) || !Next()) return false;
        break;
      }
      case Kind::kWord:
        if (!Word(whole)) return false;
        break;
      case Kind::kDuration: return Fail(token_.at, "a duration stands in a window only, such as messages(1h)");
      case Kind::kEnd: return Fail(token_.at, "a number, a feature or \"(\" was expected, not the end");
      case Kind::kSign:
        if (Is("-")) return Negated(whole);
        if (!Is("(")) return Fail(token_.at, "a number, a feature or \"(\" was expected, not " + Quoted(token_.text));
        return Brackets(whole);
    }
    whole->range.last = here();
    return true;
  }

  bool Negated(Operand* whole) {
    const size_t at = token_.at;
    if (!Enter(at) || !Next() || !Factor(whole)) return false;
    --nesting_;
    if (!Want(*whole, Type::kNumber, "-", "behind it") || !Emit(Op::kNegate, 0, 0, at)) return false;
    whole->at = at;
    whole->range.last = here();
    return true;
  }

  bool Brackets(Operand* whole) {
    const size_t at = token_.at;
    if (!Enter(at) || !Next() || !Or(whole)) return false;
    --nesting_;
    if (!Is(")")) return Fail(token_.at, "\")\" was expected, for the \"(\" at its byte " + std::to_string(at + 1));
    whole->at = at;
    return Next();
  }

  bool Constant(int64_t n, size_t at) {
    if (n <= UINT16_MAX) return Emit(Op::kSmall, static_cast<uint16_t>(n), 1, at);
    std::vector<int64_t>& pool = pool_->constants;
    const auto found = std::find(pool.begin(), pool.end(), n);
    const auto index = static_cast<size_t>(found - pool.begin());
    if (found == pool.end()) {
      if (pool.size() > UINT16_MAX) return Fail(at, "too many different numbers in all rules");
      pool.push_back(n);
    }
    return Emit(Op::kConstant, static_cast<uint16_t>(index), 1, at);
  }

  bool Word(Operand* whole) {
    const Token name = token_;
    const int index = FindFeature(name.text);
    if (index < 0) return Fail(name.at, UnknownFeature(name.text));
    const Feature& feature = AllFeatures()[static_cast<size_t>(index)];
    const std::string called(feature.name);
    whole->type = feature.type;
    if (!Next()) return false;
    Span window;
    if (feature.windows == Windows::kNone) {
      if (Is("(")) return Fail(token_.at, called + " has no window: write it without brackets");
    } else {
      const std::string example = called + "(" + (feature.windows == Windows::kFixed ? WindowText(feature.fixed[0]) : "1h") + ")";
      if (!Is("(")) return Fail(name.at, called + " wants a window: write " + example);
      if (!Next()) return false;
      if (!Window(feature, example, &window) || !Next()) return false;
      if (!Is(")")) return Fail(token_.at, "\")\" was expected: write " + example);
      if (!Next()) return false;
    }
    if (!Read({static_cast<uint16_t>(index), window}, name.at)) return false;
    if (feature.type == Type::kYesNo) {
      const uint16_t last = here();
      const auto first = static_cast<uint16_t>(last - 1);
      out_->clues.push_back({{first, last}, wanted_, out_->steps[first].arg, {}});
    }
    return true;
  }

  bool Window(const Feature& feature, const std::string& example, Span* window) {
    if (token_.kind != Kind::kDuration) {
      return Fail(token_.at, "a window is a whole number with s, m, h or d behind it: write " + example);
    }
    const std::string_view digits = token_.text.substr(0, token_.text.size() - 1);
    const char unit = token_.text.back();
    const int64_t seconds = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 86'400 : 0;
    if (seconds == 0 || !std::all_of(digits.begin(), digits.end(), IsDigit)) {
      return Fail(token_.at, "a window is a whole number with s, m, h or d behind it: write " + example);
    }
    const bool fits = token_.number <= kWindowMost.seconds();
    *window = fits ? Span::Seconds(token_.number * seconds) : Span();
    if (feature.windows == Windows::kFixed) {
      const bool known = *window != Span() && std::find(feature.fixed.begin(), feature.fixed.end(), *window) != feature.fixed.end();
      if (known) return true;
      return Fail(token_.at, std::string(feature.name) + " is known over " + WindowsText(feature) + " only, not " + std::string(token_.text));
    }
    if (fits && *window >= kWindowLeast && *window <= kWindowMost) return true;
    return Fail(token_.at, "a window is from " + WindowText(kWindowLeast) + " to " + WindowText(kWindowMost) + ", not " + std::string(token_.text));
  }

  bool Read(Reading reading, size_t at) {
    std::vector<Reading>& pool = pool_->readings;
    const auto found = std::find(pool.begin(), pool.end(), reading);
    const auto index = static_cast<size_t>(found - pool.begin());
    if (found == pool.end()) {
      if (pool.size() == kReadingsMax) {
        return Fail(at, "all rules together may ask for " + std::to_string(kReadingsMax) + " different features and windows");
      }
      pool.push_back(reading);
    }
    return Emit(Op::kRead, static_cast<uint16_t>(index), 1, at);
  }

  const std::string_view text_;
  Pool* const pool_;
  Expression* const out_;
  size_t place_ = 0;
  Token token_;
  int nesting_ = 0, height_ = 0;
  bool wanted_ = true;
  std::optional<Flaw> flaw_;
};

// What doesn't fit stays at the end it would have passed.
int64_t Add(int64_t a, int64_t b) {
  int64_t r;
  if (!__builtin_add_overflow(a, b, &r)) return r;
  return b > 0 ? INT64_MAX : INT64_MIN;
}
int64_t Subtract(int64_t a, int64_t b) {
  int64_t r;
  if (!__builtin_sub_overflow(a, b, &r)) return r;
  return b < 0 ? INT64_MAX : INT64_MIN;
}
int64_t Multiply(int64_t a, int64_t b) {
  int64_t r;
  if (!__builtin_mul_overflow(a, b, &r)) return r;
  return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
}
int64_t Divide(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return Subtract(0, a);
  return a / b;
}

}  // namespace

std::optional<Flaw> Compile(std::string_view text, Pool* pool, Expression* expression) {
  const size_t readings = pool->readings.size(), constants = pool->constants.size();
  Expression fresh;
  std::optional<Flaw> flaw = Compiler(text, pool, &fresh).Run();
  if (flaw) {
    pool->readings.resize(readings);
    pool->constants.resize(constants);
  } else {
    *expression = std::move(fresh);
  }
  return flaw;
}

void Values::Read(uint16_t reading) {
  const Reading& r = pool_.readings[reading];
  values_[reading] = AllFeatures()[r.feature].read(scene_, r.window);
  known_ |= uint64_t{1} << reading;
}

int64_t Evaluate(const Expression& expression, Range part, Values* values) {
  const Step* const steps = expression.steps.data();
  int64_t stack[kStackMax + 1];  // Compile has seen to it that this is enough
  int64_t* top = stack;          // stack[0] is below everything
  for (size_t i = part.first; i < part.last; ++i) {
    const Step step = steps[i];
    switch (step.op) {
      case Op::kRead: *++top = values->Of(step.arg); break;
      case Op::kConstant: *++top = values->constant(step.arg); break;
      case Op::kSmall: *++top = step.arg; break;
      case Op::kNegate: *top = Subtract(0, *top); break;
      case Op::kNot: *top = *top == 0; break;
      case Op::kAdd: --top; *top = Add(top[0], top[1]); break;
      case Op::kSubtract: --top; *top = Subtract(top[0], top[1]); break;
      case Op::kMultiply: --top; *top = Multiply(top[0], top[1]); break;
      case Op::kDivide: --top; *top = Divide(top[0], top[1]); break;
      case Op::kLess: --top; *top = top[0] < top[1]; break;
      case Op::kLessEqual: --top; *top = top[0] <= top[1]; break;
      case Op::kGreater: --top; *top = top[0] > top[1]; break;
      case Op::kGreaterEqual: --top; *top = top[0] >= top[1]; break;
      case Op::kEqual: --top; *top = top[0] == top[1]; break;
      case Op::kNotEqual: --top; *top = top[0] != top[1]; break;
      // The loop's own step lands on `arg`.
      case Op::kAnd:
        if (*top == 0) i = size_t{step.arg} - 1;
        else --top;
        break;
      case Op::kOr:
        if (*top != 0) i = size_t{step.arg} - 1;
        else --top;
        break;
    }
  }
  return *top;
}

}  // namespace sekisho::rules
