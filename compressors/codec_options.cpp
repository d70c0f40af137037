#include "terse/compressors/codec_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <optional>

#include "terse/base/error.h"
#include "terse/compressors/value_codec.h"

namespace terse {
namespace {

using Type = CodecOption::Type;

CodecFilter named(std::initializer_list<std::string_view> names) {
  return [names = std::vector(names)](const CodecInfo& info) {
    return std::find(names.begin(), names.end(), info.name) != names.end();
  };
}

// What a row says besides its values.
struct Description {
  std::string name;
  CodecFilter read_by;
  std::string meaning;
};

CodecOption make_row(Description description, Type type, std::string argument,
                     std::string allowed) {
  CodecOption row;
  row.name = std::move(description.name);
  row.type = type;
  row.argument = std::move(argument);
  row.allowed = std::move(allowed);
  row.meaning = fmt::format("{} ({})", description.meaning, summary_of_codecs(description.read_by));
  row.read_by = std::move(description.read_by);
  return row;
}

template <class T>
std::optional<T> parse(std::string_view text) {
  T value{};
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || end != last) return std::nullopt;
  return value;
}

CodecOption integer(std::uint32_t CodecOptions::*field, std::uint32_t low, std::uint32_t high,
                    Description description) {
  CodecOption row = make_row(std::move(description), Type::integer, "N",
                             fmt::format("a whole number from {} to {}", low, high));
  row.text = [field](const CodecOptions& options) { return fmt::format("{}", options.*field); };
  row.assign = [field, low, high](CodecOptions& options, std::string_view text) {
    const auto value = parse<std::uint32_t>(text);
    if (!value || *value < low || *value > high) return false;
    options.*field = *value;
    return true;
  };
  return row;
}

enum class Zero { as_any_number, allowed_below_low };

CodecOption number(double CodecOptions::*field, double low, double high, Description description,
                   Zero zero = Zero::as_any_number) {
  const bool or_zero = zero == Zero::allowed_below_low;
  CodecOption row =
      make_row(std::move(description), Type::number, "X",
               fmt::format("a number in [{}, {}]{}", low, high, or_zero ? ", or 0" : ""));
  row.text = [field](const CodecOptions& options) { return fmt::format("{}", options.*field); };
  row.assign = [=](CodecOptions& options, std::string_view text) {
    const auto value = parse<double>(text);
    if (!value || !((*value >= low && *value <= high) || (or_zero && *value == 0))) return false;
    options.*field = *value == 0 ? 0 : *value;  // "-0" is written "0"
    return true;
  };
  return row;
}

// A bool under the two names.
CodecOption either(bool CodecOptions::*field, Type type, const std::string& if_true,
                   const std::string& if_false, Description description) {
  CodecOption row =
      make_row(std::move(description), type, if_true + "|" + if_false, if_true + " | " + if_false);
  row.text = [=](const CodecOptions& options) { return options.*field ? if_true : if_false; };
  row.assign = [=](CodecOptions& options, std::string_view text) {
    if (text != if_true && text != if_false) return false;
    options.*field = text == if_true;
    return true;
  };
  return row;
}

CodecOption boolean(bool CodecOptions::*field, Description description) {
  return either(field, Type::boolean, "true", "false", std::move(description));
}

CodecOption choice(std::string CodecOptions::*field, std::vector<std::string> names,
                   Description description) {
  CodecOption row = make_row(std::move(description), Type::choice, "NAME",
                             fmt::format("{}", fmt::join(names, " | ")));
  row.text = [field](const CodecOptions& options) { return options.*field; };
  row.assign = [field, names = std::move(names)](CodecOptions& options, std::string_view text) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return false;
    options.*field = *found;
    return true;
  };
  return row;
}

bool is_value_codec(const std::string& name) {
  try {
    ValueCodec::named({.values = name});
    return true;
  } catch (const JobError&) {
    return false;
  }
}

// The texts that ValueCodec takes: fp32, the other codecs without a level, and those of bits with
// their bits.
std::vector<std::string> value_codecs() {
  constexpr int kMaxBits = 8;
  std::vector<std::string> candidates = {"fp32"};
  for (const std::string& name : codecs_where(has_level(Level::none))) {
    if (name != "none") candidates.push_back(name);
  }
  for (const std::string& name : codecs_where(has_level(Level::bits))) {
    for (int bits = 1; bits <= kMaxBits; ++bits)
      candidates.push_back(fmt::format("{}{}", name, bits));
  }
  std::erase_if(candidates, [](const std::string& name) { return !is_value_codec(name); });
  return candidates;
}

std::vector<CodecOption> make_rows() {
  using Options = CodecOptions;
  // The order is that of text_of(), hence of the hash: new rows go to the end.
  return {
      integer(&Options::bucket, 1, 65536,
              {"bucket", has_level(Level::bits), "elements that share a scale"}),
      either(&Options::stochastic, Type::choice, "stochastic", "nearest",
             {"rounding", named({"maxmin"}), "rounding to the grid"}),
      boolean(&Options::max_norm, {"max_norm", named({"qsgd"}),
                                   "scale a bucket by its largest magnitude, not its 2-norm"}),
      integer(&Options::block, 32, 128,
              {"block", named({"fp8", "fp8_e5m2"}), "elements that share an exponent"}),
      number(&Options::clip, 1, 100,
             {"clip", named({"terngrad"}), "standard deviations to clip values at; 0: no clipping"},
             Zero::allowed_below_low),
      number(&Options::sample_ratio, 0.01, 1,
             {"sample_ratio", named({"dgc", "topk_sampled"}),
              "share of the elements sampled to estimate the threshold"}),
      boolean(&Options::alternating, {"alternating", named({"powersgd"}),
                                      "update one factor in even steps, the other in odd ones"}),
      number(&Options::threshold, 0, 1e9,
             {"threshold", named({"threshold"}), "send magnitudes above it"}),
      boolean(&Options::unbiased, {"unbiased", named({"randomk", "randblock"}),
                                   "scale values by n / k, without error feedback"}),
      choice(&Options::values, value_codecs(),
             {"values", has_level(Level::density), "format of the values"}),
  };
}

}  // namespace

CodecFilter has_level(Level level) {
  return [level](const CodecInfo& info) { return info.level == level; };
}

CodecFilter has_feedback(std::string_view name) {
  return [name = std::string(name)](const CodecInfo& info) { return info.feedback == name; };
}

std::vector<std::string> codecs_where(const CodecFilter& filter) {
  std::vector<std::string> names;
  for (const CodecInfo& info : codecs()) {
    if (filter(info)) names.emplace_back(info.name);
  }
  return names;
}

std::string summary_of_codecs(const CodecFilter& filter) {
  const std::vector<std::string> names = codecs_where(filter);
  if (names.size() > 1) {
    const std::string_view family = codec_info(names.front()).family;
    if (codecs_where([&](const CodecInfo& info) { return info.family == family; }) == names)
      return fmt::format("{} codecs", family);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::span<const CodecOption> codec_options() {
  static const std::vector<CodecOption> rows = make_rows();
  return rows;
}

std::string text_of(const CodecOptions& options) {
  std::string text;
  for (const CodecOption& option : codec_options())
    text += fmt::format("{} {}\n", option.name, option.text(options));
  return text;
}

}  // namespace terse
