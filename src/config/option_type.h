// The types of job keys: what each accepts, its parser, and the canonical text of a value.
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
  std::string allowed;  // completes "must be "
  // Nothing where the text is not of this type or out of range.
  std::function<std::optional<T>(std::string_view)> parse;
  // parse(format(x)) == x for every x that parse can return.
  std::function<std::string(const T&)> format;
};

// The numbers between two ends.
struct Range {
  double low = 0;
  double high = std::numeric_limits<double>::infinity();
  bool open_low = false;
  bool open_high = false;

  bool contains(double x) const;
  std::string text() const;  // "a number in [0, 1)"
};

OptionType<std::int64_t> integer(std::int64_t low, std::int64_t high);
OptionType<double> number(Range range);
OptionType<bool> boolean();
OptionType<std::string> choice(const std::vector<std::string>& names);
OptionType<std::string> path();
OptionType<std::vector<std::int64_t>> integer_list(std::int64_t low, std::int64_t high);
OptionType<std::vector<double>> number_list(Range range, const std::string& empty);
OptionType<double> bandwidth();
OptionType<std::chrono::nanoseconds> duration(std::chrono::nanoseconds low,
                                              std::chrono::nanoseconds high);
OptionType<std::int64_t> byte_size(std::int64_t low, std::int64_t high);

// Also accepts the text `absent`, which stands for no value.
template <class T>
OptionType<std::optional<T>> optional(OptionType<T> type, const std::string& absent) {
  return {
      .allowed = type.allowed + ", or " + absent,
      .parse = [type, absent](std::string_view text) -> std::optional<std::optional<T>> {
        if (text == absent) return std::optional<T>();
        std::optional<T> value = type.parse(text);
        if (!value) return std::nullopt;
        return std::optional<std::optional<T>>(std::in_place, std::move(value));
      },
      .format = [type, absent](
                    const std::optional<T>& value) { return value ? type.format(*value) : absent; },
  };
}

}  // namespace terse
