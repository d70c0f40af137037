#include "terse/config/option_type.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "terse/config/text/units.h"

namespace terse {
namespace {

// "a, b" -> {parse("a"), parse("b")}; nothing if any item is refused.
template <class T>
std::optional<std::vector<T>> parse_list(std::string_view text, const OptionType<T>& item) {
  std::vector<T> values;
  while (true) {
    const auto comma = std::min(text.find(','), text.size());
    std::string_view one = text.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    const auto value = item.parse(one);
    if (!value) return std::nullopt;
    values.push_back(*value);
    if (comma == text.size()) return values;
    text.remove_prefix(comma + 1);
  }
}

template <class T>
std::string format_list(const std::vector<T>& values, const OptionType<T>& item) {
  std::string text;
  for (const T& value : values) text.append(text.empty() ? "" : ",").append(item.format(value));
  return text;
}

}  // namespace

bool Range::contains(double x) const {
  return (open_low ? x > low : x >= low) && (open_high ? x < high : x <= high);
}

std::string Range::text() const {
  if (std::isinf(high))
    return fmt::format("a number {} {}", open_low ? "above" : "of at least", low);
  return fmt::format("a number in {}{}, {}{}", open_low ? '(' : '[', low, high,
                     open_high ? ')' : ']');
}

OptionType<std::int64_t> integer(std::int64_t low, std::int64_t high) {
  const bool bounded = high != std::numeric_limits<std::int64_t>::max();
  return {
      .allowed = bounded ? fmt::format("a whole number from {} to {}", low, high)
                         : fmt::format("a whole number of at least {}", low),
      .parse = [low, high](std::string_view text) -> std::optional<std::int64_t> {
        const auto value = parse_whole(text);
        return value && *value >= low && *value <= high ? value : std::nullopt;
      },
      .format = [](const std::int64_t& value) { return fmt::format("{}", value); },
  };
}

OptionType<double> number(Range range) {
  return {
      .allowed = range.text(),
      .parse = [range](std::string_view text) -> std::optional<double> {
        const auto value = parse_number(text);
        if (!value || !range.contains(*value)) return std::nullopt;
        return *value == 0 ? 0 : *value;  // "-0" is written "0" in the record
      },
      .format = [](const double& value) { return format_number(value); },
  };
}

OptionType<bool> boolean() {
  return {
      .allowed = "true | false",
      .parse = [](std::string_view text) -> std::optional<bool> {
        if (text == "true") return true;
        if (text == "false") return false;
        return std::nullopt;
      },
      .format = [](const bool& value) { return std::string(value ? "true" : "false"); },
  };
}

OptionType<std::string> choice(const std::vector<std::string>& names) {
  return {
      .allowed = fmt::format("{}", fmt::join(names, " | ")),
      .parse = [names](std::string_view text) -> std::optional<std::string> {
        const auto found = std::find(names.begin(), names.end(), text);
        return found == names.end() ? std::nullopt : std::optional(*found);
      },
      .format = [](const std::string& value) { return value; },
  };
}

OptionType<std::string> path() {
  return {
      .allowed = "a path",
      .parse = [](std::string_view text) -> std::optional<std::string> {
        const bool control =
            std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; });
        if (text.empty() || control) return std::nullopt;
        return std::string(text);
      },
      .format = [](const std::string& value) { return value; },
  };
}

OptionType<std::vector<std::int64_t>> integer_list(std::int64_t low, std::int64_t high) {
  const OptionType<std::int64_t> item = integer(low, high);
  return {
      .allowed = fmt::format("whole numbers from {} to {}, separated by commas", low, high),
      .parse = [item](std::string_view text) { return parse_list(text, item); },
      .format =
          [item](const std::vector<std::int64_t>& values) { return format_list(values, item); },
  };
}

OptionType<std::vector<double>> number_list(Range range, const std::string& empty) {
  const OptionType<double> item = number(range);
  return {
      .allowed = fmt::format("a comma-separated list, each {}, or {}", range.text(), empty),
      .parse =
          [item, empty](std::string_view text) {
            return text == empty ? std::vector<double>() : parse_list(text, item);
          },
      .format =
          [item, empty](const std::vector<double>& values) {
            return values.empty() ? empty : format_list(values, item);
          },
  };
}

OptionType<double> bandwidth() {
  return {
      .allowed = "a number above 0 with bit/s, kbit/s, Mbit/s, Gbit/s, B/s, kB/s, MB/s or GB/s",
      .parse = [](std::string_view text) -> std::optional<double> {
        const auto value = parse_bandwidth(text);
        return value && *value > 0 ? value : std::nullopt;
      },
      .format = [](const double& value) { return format_bandwidth(value); },
  };
}

OptionType<std::chrono::nanoseconds> duration(std::chrono::nanoseconds low,
                                              std::chrono::nanoseconds high) {
  return {
      .allowed = fmt::format("a time from {} to {}, in ns, us, ms, s or min", format_duration(low),
                             format_duration(high)),
      .parse = [low, high](std::string_view text) -> std::optional<std::chrono::nanoseconds> {
        const auto value = parse_duration(text);
        return value && *value >= low && *value <= high ? value : std::nullopt;
      },
      .format = [](const std::chrono::nanoseconds& value) { return format_duration(value); },
  };
}

OptionType<std::int64_t> byte_size(std::int64_t low, std::int64_t high) {
  return {
      .allowed = fmt::format("a size from {} to {}, in B, kB, MB, KiB or MiB", format_size(low),
                             format_size(high)),
      .parse = [low, high](std::string_view text) -> std::optional<std::int64_t> {
        const auto value = parse_size(text);
        return value && *value >= low && *value <= high ? value : std::nullopt;
      },
      .format = [](const std::int64_t& value) { return format_size(value); },
  };
}

}  // namespace terse
