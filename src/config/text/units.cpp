#include "terse/config/text/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <span>

namespace terse {
namespace {

struct Unit {
  std::string_view name;
  double scale;  // in the quantity's base unit
};

// Largest first: a formatter takes the first unit of which the value is a whole multiple. The last
// is the base unit.
constexpr std::array kBandwidths = {Unit{"Gbit/s", 1e9}, Unit{"Mbit/s", 1e6}, Unit{"kbit/s", 1e3},
                                    Unit{"bit/s", 1}};
constexpr std::array kByteRates = {Unit{"GB/s", 8e9}, Unit{"MB/s", 8e6}, Unit{"kB/s", 8e3},
                                   Unit{"B/s", 8}};
constexpr std::array kMinute = {Unit{"min", 60e9}};
constexpr std::array kDurations = {Unit{"s", 1e9}, Unit{"ms", 1e6}, Unit{"us", 1e3}, Unit{"ns", 1}};
constexpr std::array kSizes = {Unit{"MiB", 1048576}, Unit{"MB", 1e6}, Unit{"KiB", 1024},
                               Unit{"kB", 1e3}, Unit{"B", 1}};

constexpr double kLargestWhole = 0x1p53;  // up to here every whole number is a double

struct Quantity {
  double number;
  std::string_view unit;
};

std::optional<Quantity> split(std::string_view text) {
  double number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  return Quantity{number, unit};
}

std::optional<double> scaled(const Quantity& quantity, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (unit.name == quantity.unit) return quantity.number * unit.scale;
  }
  return std::nullopt;
}

// 0.1 ms times 1e6 is not quite 100000 in binary: rounds to the nearest integer within the error.
std::optional<std::int64_t> nearly_whole(double value) {
  const double nearest = std::nearbyint(value);
  const double slack = std::fmax(1e-6, value * 1e-15);
  if (!(std::fabs(value - nearest) <= slack && nearest <= kLargestWhole)) return std::nullopt;
  return static_cast<std::int64_t>(nearest);
}

std::optional<std::int64_t> parse_whole_quantity(std::string_view text, std::span<const Unit> units,
                                                 std::span<const Unit> more_units) {
  const auto quantity = split(text);
  if (!quantity) return std::nullopt;
  if (quantity->number == 0 && quantity->unit.empty()) return 0;
  auto value = scaled(*quantity, units);
  if (!value) value = scaled(*quantity, more_units);
  return value ? nearly_whole(*value) : std::nullopt;
}

std::string format_quantity(double value, std::span<const Unit> units) {
  if (value == 0) return "0";
  for (const Unit& unit : units) {
    const double multiple = std::nearbyint(value / unit.scale);
    if (multiple >= 1 && multiple <= kLargestWhole && multiple * unit.scale == value) {
      return format_number(multiple).append(unit.name);
    }
  }
  return format_number(value).append(units.back().name);
}

}  // namespace

std::optional<std::int64_t> parse_whole(std::string_view text) {
  std::int64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, code] = std::from_chars(text.data(), last, value);
  if (code != std::errc() || end != last) return std::nullopt;
  return value;
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const char* last = text.data() + text.size();
  const auto [end, code] = std::from_chars(text.data(), last, value);
  if (code != std::errc() || end != last || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string format_number(double value) {
  std::array<char, 32> buffer;
  const auto [end, code] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

std::optional<double> parse_bandwidth(std::string_view text) {
  const auto quantity = split(text);
  if (!quantity) return std::nullopt;
  auto bits = scaled(*quantity, kBandwidths);
  if (!bits) bits = scaled(*quantity, kByteRates);
  if (!bits || !std::isfinite(*bits)) return std::nullopt;
  return *bits / 8;
}

std::string format_bandwidth(double bytes_per_second) {
  return format_quantity(bytes_per_second * 8, kBandwidths);
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto count = parse_whole_quantity(text, kDurations, kMinute);
  if (!count) return std::nullopt;
  return std::chrono::nanoseconds(*count);
}

std::string format_duration(std::chrono::nanoseconds duration) {
  return format_quantity(static_cast<double>(duration.count()), kDurations);
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  return parse_whole_quantity(text, kSizes, {});
}

std::string format_size(std::int64_t bytes) {
  return format_quantity(static_cast<double>(bytes), kSizes);
}

}  // namespace terse
