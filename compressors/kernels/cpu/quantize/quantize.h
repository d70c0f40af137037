// Bucketed max-min quantization (Markov et al., CGX, Middleware 2022): codes of 1 to 8 bits, one
// per byte, and their packing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "terse/base/bytes.h"
#include "terse/compressors/kernels/cpu/quantize/decode_sink.h"

namespace terse::kernels {

struct Range {
  float low, high;
};

// The smallest and the largest of n > 0 numbers; a zero is +0.
Range range_of(const float* values, std::size_t n);

// Memory that the next block will read, element for element, to be prefetched meanwhile. The
// pointers may be any.
struct PrefetchHint {
  const float *grad = nullptr, *residual = nullptr;
};

// codes[i] = min(floor((values[i] - low) * (1 / unit) + noise[i] * kNoiseUnit), top) (noise.h),
// each operation rounded; decoded as low + unit * code.
struct Quantization {
  const float* values = nullptr;
  const std::uint16_t* noise = nullptr;  // null: 0.5 in place of noise
  float low = 0, unit = 0, top = 0;      // unit > 0, top <= 255
  std::uint8_t* codes = nullptr;
  DecodeSink sink = {};
  PrefetchHint next = {};
  std::size_t n = 0;
};
void quantize(const Quantization& job);

// low + unit * code.
void dequantize(const std::uint8_t* codes, float low, float unit, float* out, std::size_t n);
void add_dequantized(const std::uint8_t* codes, float low, float unit, float* acc, std::size_t n);

// Packs n codes into packed_bytes(n, bits) bytes: eight codes become `bits` bytes, code j taking
// bits [j * bits, (j + 1) * bits) of a little-endian word; the last word is cut short. Destroys
// `codes`, which must extend to a multiple of eight and be zero past n.
constexpr std::size_t packed_bytes(std::size_t n, unsigned bits) { return (n * bits + 7) / 8; }
void pack(std::uint8_t* codes, std::size_t n, unsigned bits, std::byte* out);
// Writes codes up to a multiple of eight.
void unpack(const std::byte* in, std::size_t n, unsigned bits, std::uint8_t* codes);

}  // namespace terse::kernels
