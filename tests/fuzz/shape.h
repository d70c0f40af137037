// The format of a fuzzer's input: 8 bytes that select codec, options and size, then a payload. One
// table lists the targets that share it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "terse/base/bytes.h"
#include "terse/base/hash.h"
#include "terse/compressors/codec.h"

namespace terse::fuzz {

// A payload format: a codec and, for sparse codecs, a value codec.
struct PayloadKind {
  std::string_view codec;
  std::string_view values = "fp32";
};

inline constexpr PayloadKind kCast[] = {{"none"}, {"fp16"},     {"bf16"},
                                        {"fp8"},  {"fp8_e5m2"}, {"natural"}};
inline constexpr PayloadKind kBuckets[] = {{"maxmin"}, {"qsgd"}, {"nuqsgd"}};
inline constexpr PayloadKind kTernGrad[] = {{"terngrad"}};
inline constexpr PayloadKind kSigns[] = {{"signsgd"}, {"ef_sign"}, {"onebit"}};
inline constexpr PayloadKind kSparse[] = {
    {"topk"},         {"dgc"},         {"topk_chunk"},      {"topk", "fp16"},
    {"topk", "bf16"}, {"topk", "fp8"}, {"topk", "natural"}, {"topk", "maxmin4"},
    {"topk", "qsgd3"}};
inline constexpr PayloadKind kLowRank[] = {{"powersgd"}};

struct Target {
  std::string_view name;
  std::span<const PayloadKind> kinds;
};
inline constexpr Target kTargets[] = {{"cast", kCast},     {"buckets", kBuckets},
                                      {"signs", kSigns},   {"terngrad", kTernGrad},
                                      {"sparse", kSparse}, {"powersgd", kLowRank}};

constexpr std::span<const PayloadKind> kinds_of(std::string_view target) {
  for (const Target& one : kTargets) {
    if (one.name == target) return one.kinds;
  }
  return {};
}

enum ShapeFlag : std::uint8_t {
  kAsSent = 1,  // otherwise the payload is resized to what its codec expects, which is rarely hit
  kAlone = 2,   // decode one rank's row, not the sum
  kOwn = 4,     // the first rank is this rank, which has no frame
  kLarge = 8,   // see elements_of()
  kShared = 16  // terngrad: the ranks agreed on the scale that the payload begins with
};

inline constexpr std::size_t kShapeBytes = 8;

struct Shape {
  std::uint16_t n;
  std::uint8_t kind;    // index among the target's, modulo their number
  std::uint8_t level;   // see level_of()
  std::uint8_t bucket;  // elements that share a scale, or rows of a matrix
  std::uint8_t ranks;   // 1 to 4 ranks with a frame, all with the same payload
  std::uint8_t flags;   // ShapeFlag; the two highest bits: bytes of the row before in the frame
  std::uint8_t salt;    // for elements_of()
};
static_assert(sizeof(Shape) == kShapeBytes);

inline bool is_long(const Shape& shape) { return shape.n >= 0xc000; }

// Mostly a few elements, sometimes more than a tile. A row of about 65,536 elements, which crosses
// the boundary between two chunks of sparse codecs, costs as much as a hundred others, so only one
// in 64 of the inputs with kLarge gets it.
inline std::uint32_t elements_of(const Shape& shape, ConstBytes input) {
  if ((shape.flags & kLarge) != 0 && hash64(input) % 64 == 0) return 65536u - 128u + shape.n % 256u;
  return is_long(shape) ? shape.n % 2560u : shape.n % 64u;
}

inline float level_of(const Shape& shape, std::string_view codec) {
  // terngrad: a gradient, or a sum over ranks in 8 or in 16 bits.
  if (codec == "terngrad")
    return shape.level < 192 ? static_cast<float>(shape.level)
                             : 500.0f * static_cast<float>(shape.level - 191);
  switch (codec_info(codec).level) {
    case Level::none:
      return 0;
    case Level::bits:
      return static_cast<float>(codec == "maxmin" ? 1 + shape.level % 8 : 2 + shape.level % 7);
    case Level::density:
      return static_cast<float>(1 + shape.level) / 256.0f;
    case Level::rank:
      break;
  }
  return static_cast<float>(1 + shape.level % 8);
}

inline std::shared_ptr<const Codec> codec_of(const Shape& shape, const PayloadKind& kind) {
  CodecOptions options;
  options.name = kind.codec;
  options.values = kind.values;
  options.bucket = (is_long(shape) ? 17u + 7u * shape.bucket : 1u + shape.bucket);
  options.block = 32u + shape.bucket % 97u;
  return make_codec(options);
}

inline Row row_of(const Shape& shape, const PayloadKind& kind, std::uint32_t n) {
  Row row;
  row.n = n;
  row.level = level_of(shape, kind.codec);
  if (kind.codec == "powersgd") {
    row.n0 = 1u + shape.bucket % 64u;
    row.n1 = n / row.n0;
    row.n = row.n0 * row.n1;
  }
  return row;
}

}  // namespace terse::fuzz
