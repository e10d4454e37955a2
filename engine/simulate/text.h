// Puts a log line together. Appends only; the string is the caller's.
#ifndef SEKISHO_ENGINE_SIMULATE_TEXT_H_
#define SEKISHO_ENGINE_SIMULATE_TEXT_H_

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace sekisho::simulate {

class Text {
 public:
  explicit Text(std::string* out) : out_(*out) {}
  Text& operator<<(std::string_view part) {
    out_.append(part);
    return *this;
  }
  Text& operator<<(const char* part) { return *this << std::string_view(part); }
  Text& operator<<(char c) {
    out_.push_back(c);
    return *this;
  }
  Text& operator<<(std::integral auto number) {
    char digits[24];
    const std::to_chars_result end = std::to_chars(digits, digits + sizeof(digits), number);
    out_.append(digits, end.ptr);
    return *this;
  }
  // At least `width` digits, zeros in front.
  Text& Padded(uint64_t number, int width) {
    char digits[24];
    const std::to_chars_result end = std::to_chars(digits, digits + sizeof(digits), number);
    for (int missing = width - static_cast<int>(end.ptr - digits); missing > 0; --missing)
      out_.push_back('0');
    out_.append(digits, end.ptr);
    return *this;
  }
  // Upper-case hexadecimal, at least `width` digits.
  Text& Hex(uint64_t number, int width) {
    for (int digit = 15; digit >= 0; --digit) {
      const uint64_t value = (number >> (4 * digit)) & 15;
      if (digit < width || (number >> (4 * digit)) != 0) out_.push_back("0123456789ABCDEF"[value]);
    }
    return *this;
  }
  // Milliseconds as Postfix prints a delay in seconds: at most two significant digits below 10 s ("0.07",
  // "1.4"), whole seconds above, "0" below 10 ms.
  Text& Delay(int64_t ms) {
    if (ms < 10) return *this << '0';
    if (ms >= 10'000) return *this << ms / 1000;
    if (ms < 100) return (*this << "0.0") << ms / 10;
    if (ms >= 1000) {
      const int64_t tenths = ms / 100;
      *this << tenths / 10;
      if (tenths % 10 != 0) *this << '.' << tenths % 10;
      return *this;
    }
    const int64_t hundredths = ms / 10;
    *this << "0.";
    if (hundredths % 10 == 0) return *this << hundredths / 10;
    return Padded(static_cast<uint64_t>(hundredths), 2);
  }

 private:
  std::string& out_;
};

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_TEXT_H_
