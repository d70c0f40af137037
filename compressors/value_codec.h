// How a sparse message writes its values: by any block codec, at a level of its own. The encoder
// also returns the decoded values, so that the rounding can stay in the residual.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "terse/compressors/block_codec.h"

namespace terse {

class ValueCodec {
 public:
  // options.values is "fp32", or a codec's name followed by its bits if it has a level: "fp16",
  // "maxmin4". The other options apply to that codec. Throws JobError with one sentence.
  static ValueCodec named(const CodecOptions& options);
  // fp32.
  ValueCodec();

  std::string_view name() const { return name_; }
  bool exact() const { return exact_; }
  std::size_t capacity(std::uint32_t count) const { return codec_->capacity(count, level_); }
  std::uint32_t tile_size() const { return codec_->tile_size(); }
  std::size_t workspace() const { return codec_->tile_size() * sizeof(std::uint16_t); }
  const std::shared_ptr<const BlockCodec>& codec() const { return codec_; }
  float level() const { return level_; }

  // Writes capacity(values.size()) bytes and the decoded values.
  RowStatus encode(std::uint64_t layer, const Key& key, std::span<const float> values,
                   Bytes payload, std::span<float> decoded, Bytes workspace) const;
  PayloadError find_error(std::uint32_t count, ConstBytes payload) const;
  // Values [at, at + into.size()) of `count`; `at` is a multiple of tile_size(), which is
  // also the most values.
  void decode(std::uint32_t count, std::uint32_t at, ConstBytes payload, std::span<float> into,
              Bytes workspace) const;

 private:
  Row run(std::uint32_t count) const;

  std::string name_;
  std::shared_ptr<const BlockCodec> codec_;
  float level_ = 0;
  bool exact_ = false;
};

}  // namespace terse
