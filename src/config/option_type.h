// What a key accepts: in words, as a parser, and as the canonical text of a value.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace terse {

template <class T>
struct OptionType {
  std::string allowed;  // completes "... must be "
  std::function<std::optional<T>(std::string_view)>
      parse;  // nothing: not of this kind, or out of range
  std::function<std::string(const T&)>
      format;  // parse(format(x)) == x for every x that parse can give
};

// The numbers between two ends; an infinite end is no end.
struct Range {
  double low = 0;
  double high = std::numeric_limits<double>::infinity();
  bool open_low = false;
  bool open_high = false;

  bool contains(double x) const;
  std::string text() const;  // "a number in [0, 1)"
};

OptionType<std::int64_t> whole(std::int64_t low, std::int64_t high);
OptionType<double> number(Range range);
OptionType<bool> yes_no();
OptionType<std::string> choice(const std::vector<std::string>& names);
OptionType<std::string> path();
OptionType<std::vector<std::int64_t>> whole_list(std::int64_t low, std::int64_t high);
OptionType<std::vector<double>> number_list(Range range, const std::string& empty);
OptionType<double> bandwidth();
OptionType<std::chrono::nanoseconds> duration(std::chrono::nanoseconds low,
                                              std::chrono::nanoseconds high);
OptionType<std::int64_t> size(std::int64_t low, std::int64_t high);

// Also accepts the word `absent`, which stands for no value.
template <class T>
OptionType<std::optional<T>> optional(OptionType<T> kind, const std::string& absent) {
  return {
      .allowed = kind.allowed + ", or " + absent,
      .parse = [kind, absent](std::string_view text) -> std::optional<std::optional<T>> {
        if (text == absent) return std::optional<T>();
        std::optional<T> value = kind.parse(text);
        if (!value) return std::nullopt;
        return std::optional<std::optional<T>>(std::in_place, std::move(value));
      },
      .format = [kind, absent](
                    const std::optional<T>& value) { return value ? kind.format(*value) : absent; },
  };
}

}  // namespace terse
