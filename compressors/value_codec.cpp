#include "terse/compressors/value_codec.h"

#include <algorithm>

#include "terse/base/error.h"

namespace terse {
namespace {

constexpr std::uint32_t kValuesPhase =
    0x100;  // values and their layer use different random numbers

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Name {
  std::string codec;
  int bits = 0;
};

Name parse(const std::string& text) {
  if (text == "fp32") return {"none"};
  for (const std::string_view known : codec_names()) {
    if (text == known) return {text};
  }
  const auto digits = std::find_if_not(text.rbegin(), text.rend(), is_digit).base();
  if (digits == text.end() || text.end() - digits > 2) return {text};
  return {std::string(text.begin(), digits), std::stoi(std::string(digits, text.end()))};
}

}  // namespace

ValueCodec ValueCodec::named(const CodecOptions& options) {
  const Name name = parse(options.values);
  CodecOptions inner = options;
  inner.name = name.codec;
  const CodecInfo& info = codec_info(name.codec);
  ValueCodec values;
  // Values are encoded tile by tile, which excludes codecs whose scale depends on all of them.
  const bool by_tiles = info.family == "cast" || info.family == "quantizer";
  values.codec_ =
      by_tiles ? std::dynamic_pointer_cast<const BlockCodec>(info.make(inner)) : nullptr;
  const bool wants_bits = info.level == Level::bits;
  if (values.codec_ == nullptr || values.codec_->traits().shares_scale ||
      wants_bits != (name.bits != 0)) {
    fail<JobError>(
        "the values of a sparse codec cannot be written as '{}': it takes fp32, fp16, bf16, fp8, "
        "fp8_e5m2, natural, maxmin1 to maxmin8, qsgd2 to qsgd8 and nuqsgd2 to nuqsgd8.",
        options.values);
  }
  values.name_ = options.values;
  values.level_ = static_cast<float>(name.bits);
  values.exact_ = name.codec == "none";
  values.codec_->check(values.level_, feedback::kClassic);
  return values;
}

ValueCodec::ValueCodec()
    : name_("fp32"),
      codec_(std::dynamic_pointer_cast<const BlockCodec>(make_codec({.name = "none"}))),
      exact_(true) {}

Row ValueCodec::run(std::uint32_t count) const {
  Row row;
  row.n = count;
  row.level = level_;
  return row;
}

RowStatus ValueCodec::encode(std::uint64_t layer, const Key& key, std::span<const float> values,
                             Bytes payload, std::span<float> decoded, Bytes workspace) const {
  Row row = run(static_cast<std::uint32_t>(values.size()));
  row.layer = layer;
  Key values_key = key;
  values_key.phase += kValuesPhase;
  return codec_->encode_values(row, values_key, values, payload, decoded, workspace);
}

PayloadError ValueCodec::find_error(std::uint32_t count, ConstBytes payload) const {
  return codec_->find_values_error(run(count), payload);
}

void ValueCodec::decode(std::uint32_t count, std::uint32_t at, ConstBytes payload,
                        std::span<float> into, Bytes workspace) const {
  codec_->decode_values(run(count), at, payload, into, workspace);
}

}  // namespace terse
