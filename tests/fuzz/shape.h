// How a fuzzer's input says what is decoded: 6 bytes, then a payload.
#pragma once

#include <cstdint>
#include <string_view>

#include "terse/base/bytes.h"
#include "terse/compressors/codec.h"

namespace terse::fuzz {

inline constexpr std::size_t kShapeBytes = 6;

struct Shape {
  std::uint16_t n;       // below 0xff00 as n mod 2048; else around 65,536, a chunk of sparse codecs
  std::uint8_t level;    // bits less one, modulo 8; or 256 times the density, less one
  std::uint8_t bucket;   // elements that share a scale, less one
  std::uint16_t frames;  // 0: one frame alone; else the sum of 1 to 3, all with the same payload
};
static_assert(sizeof(Shape) == kShapeBytes);

inline std::uint32_t elements_of(const Shape& shape) {
  return shape.n < 0xff00 ? shape.n % 2048u : 65536u - 128u + shape.n % 256u;
}

inline float level_of(const Shape& shape, Level level) {
  if (level == Level::bits) return static_cast<float>(1 + shape.level % 8);
  if (level == Level::density) return static_cast<float>(1 + shape.level) / 256.0f;
  return level == Level::none ? 0.0f : static_cast<float>(1 + shape.level % 8);
}

inline CodecOptions options_of(const Shape& shape, std::string_view name) {
  CodecOptions options;
  options.name = name;
  options.bucket = 1u + shape.bucket;
  return options;
}

}  // namespace terse::fuzz
