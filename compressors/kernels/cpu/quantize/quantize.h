// Bucketed max-min quantization (Markov et al., CGX, Middleware 2022): codes of 1 to 8 bits, one a
// byte, and their packing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "terse/base/bytes.h"

namespace terse::kernels {

struct Range {
  float low, high;
};

// The least and the largest of n > 0 numbers; a zero is +0.
Range range_of(const float* values, std::size_t n);

// codes[i] = min(floor((values[i] - low) * (1 / unit) + noise[i] * kNoiseUnit), top) (noise.h),
// each operation rounded; a null noise is 0.5. `unit` > 0, top <= 255. In the same pass `kept` gets
// what `keep` says of the decoded values: nothing (null then), themselves, or values - decoded.
enum class DecodeOutput { nothing, decoded, difference };
// Memory that the next block will read, element for element: it is asked for meanwhile. May point
// anywhere.
struct PrefetchHint {
  const float *grad = nullptr, *residual = nullptr;
};
void quantize(const float* values, const std::uint16_t* noise, float low, float unit, float top,
              std::uint8_t* codes, DecodeOutput keep, float* kept, PrefetchHint ahead,
              std::size_t n);

// low + unit * code.
void dequantize(const std::uint8_t* codes, float low, float unit, float* out, std::size_t n);
void add_dequantized(const std::uint8_t* codes, float low, float unit, float* acc, std::size_t n);

// Eight codes become `bits` bytes: code j takes bits [j * bits, (j + 1) * bits) of a little-endian
// word. The last word is short: n codes take packed_bytes(n, bits). The codes' memory is used up
// and must reach to a multiple of eight, as zeros past n.
constexpr std::size_t packed_bytes(std::size_t n, unsigned bits) { return (n * bits + 7) / 8; }
void pack(std::uint8_t* codes, std::size_t n, unsigned bits, std::byte* out);
// Writes codes up to a multiple of eight.
void unpack(const std::byte* in, std::size_t n, unsigned bits, std::uint8_t* codes);

}  // namespace terse::kernels
