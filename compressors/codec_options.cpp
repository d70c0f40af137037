#include "terse/compressors/codec_options.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <type_traits>

namespace terse {
namespace {

// A text holds no line end: files give each option a line.
bool read(std::string_view text, std::string& value) {
  if (text.empty() || text.find('\n') != std::string_view::npos) return false;
  value = text;
  return true;
}

bool read(std::string_view text, bool& value) {
  if (text != "true" && text != "false") return false;
  value = text == "true";
  return true;
}

template <class T>
requires std::is_arithmetic_v<T>
bool read(std::string_view text, T& value) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  value = number;
  return true;
}

template <auto kField>
constexpr CodecOption option(std::string_view name, std::string_view argument,
                             std::string_view meaning) {
  return {name, argument, meaning,
          [](const CodecOptions& options) { return fmt::format("{}", options.*kField); },
          [](CodecOptions& options, std::string_view text) { return read(text, options.*kField); }};
}

std::string rounding(const CodecOptions& options) {
  return options.stochastic ? "stochastic" : "nearest";
}

bool set_rounding(CodecOptions& options, std::string_view text) {
  if (text != "stochastic" && text != "nearest") return false;
  options.stochastic = text == "stochastic";
  return true;
}

using Options = CodecOptions;
constexpr std::array kOptions{
    option<&Options::bucket>("bucket", "N", "maxmin, qsgd, nuqsgd: elements that share a scale"),
    CodecOption{"rounding", "stochastic|nearest", "maxmin: to the grid", rounding, set_rounding},
    option<&Options::max_norm>("max_norm", "true|false",
                               "qsgd: a bucket's scale is its largest magnitude, not its 2-norm"),
    option<&Options::block>("block", "N", "fp8, fp8_e5m2: elements that share an exponent"),
    option<&Options::clip>("clip", "X", "terngrad: standard deviations to clip at; 0: not at all"),
    option<&Options::sample_ratio>("sample_ratio", "X",
                                   "dgc, topk_sampled: share of the elements that is sampled"),
    option<&Options::alternating>("alternating", "true|false",
                                  "powersgd: in training, one factor a step"),
    option<&Options::threshold>("threshold", "X", "threshold: magnitudes above it are sent"),
    option<&Options::unbiased>("unbiased", "true|false", "randomk, randblock: values times n / k"),
    option<&Options::values>("values", "NAME",
                             "sparse codecs: how values are written: fp32, fp16, maxmin4, ..."),
};

}  // namespace

std::span<const CodecOption> codec_options() { return kOptions; }

std::string text_of(const CodecOptions& options) {
  std::string text;
  for (const CodecOption& option : kOptions)
    text += fmt::format("{} {}\n", option.name, option.text(options));
  return text;
}

}  // namespace terse
