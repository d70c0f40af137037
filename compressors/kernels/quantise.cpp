#include "terse/compressors/kernels/quantise.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "terse/compressors/kernels/dispatch.h"

namespace terse::kernels {
namespace {

constexpr std::size_t kLanes = 32;

// The bits that stay and the bits that move when pairs of fields of `width` bits, each holding
// `used`, close up.
struct Step {
  std::uint64_t stay, move;
  unsigned by;
};

constexpr Step step_of(unsigned width, unsigned used) {
  const std::uint64_t field = (1ull << used) - 1;
  Step step{0, 0, width - used};
  for (unsigned at = 0; at < 64; at += 2 * width) {
    step.stay |= field << at;
    step.move |= field << (at + width);
  }
  return step;
}

constexpr std::array<Step, 3> steps_of(unsigned bits) {
  return {step_of(8, bits), step_of(16, 2 * bits), step_of(32, 4 * bits)};
}

TERSE_INLINE std::uint64_t close_up(std::uint64_t word, const Step& step) {
  return (word & step.stay) | ((word & step.move) >> step.by);
}

TERSE_INLINE std::uint64_t spread(std::uint64_t word, const Step& step) {
  return (word & step.stay) | ((word << step.by) & step.move);
}

}  // namespace

TERSE_KERNEL Range range_of(const float* values, std::size_t n) {
  std::array<float, kLanes> low, high;
  low.fill(values[0]);
  high.fill(values[0]);
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float x = values[i + lane];
      low[lane] = x < low[lane] ? x : low[lane];
      high[lane] = x > high[lane] ? x : high[lane];
    }
  }
  for (; i < n; ++i) {
    low[0] = values[i] < low[0] ? values[i] : low[0];
    high[0] = values[i] > high[0] ? values[i] : high[0];
  }
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) {
      low[lane] = low[lane + half] < low[lane] ? low[lane + half] : low[lane];
      high[lane] = high[lane + half] > high[lane] ? high[lane + half] : high[lane];
    }
  }
  return {low[0], high[0]};
}

TERSE_KERNEL void quantise(const float* __restrict values, const float* __restrict noise, float low,
                           float unit, float top, std::uint8_t* __restrict codes, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const float level = (values[i] - low) / unit + noise[i];
    codes[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(level < top ? level : top));
  }
}

TERSE_KERNEL void dequantise(const std::uint8_t* __restrict codes, float low, float unit,
                             float* __restrict out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = low + unit * static_cast<float>(codes[i]);
}

TERSE_KERNEL void add_dequantised(const std::uint8_t* __restrict codes, float low, float unit,
                                  float* __restrict acc, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) acc[i] += low + unit * static_cast<float>(codes[i]);
}

TERSE_KERNEL void close_up_words(std::byte* words, std::size_t count,
                                 const std::array<Step, 3>& steps) {
  const Step a = steps[0], b = steps[1], c = steps[2];
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < count; ++i) {
    const auto word = load<std::uint64_t>(words + 8 * i);
    store(words + 8 * i, close_up(close_up(close_up(word, a), b), c));
  }
}

TERSE_KERNEL void spread_words(std::byte* words, std::size_t count,
                               const std::array<Step, 3>& steps) {
  const Step a = steps[0], b = steps[1], c = steps[2];
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < count; ++i) {
    const auto word = load<std::uint64_t>(words + 8 * i);
    store(words + 8 * i, spread(spread(spread(word, c), b), a));
  }
}

void pack(std::uint8_t* codes, std::size_t n, unsigned bits, std::byte* out) {
  std::byte* const words = std::as_writable_bytes(std::span(codes, n)).data();
  const std::size_t count = (n + 7) / 8, bytes = packed_bytes(n, bits);
  close_up_words(words, count, steps_of(bits));
  std::size_t word = 0;
  // A whole word is stored where the next ones overwrite what is too much.
  for (; word * bits + 8 <= bytes; ++word) std::memcpy(out + word * bits, words + 8 * word, 8);
  for (; word < count; ++word) {
    std::memcpy(out + word * bits, words + 8 * word,
                std::min<std::size_t>(bits, bytes - word * bits));
  }
}

void unpack(const std::byte* in, std::size_t n, unsigned bits, std::uint8_t* codes) {
  std::byte* const words = std::as_writable_bytes(std::span(codes, n)).data();
  const std::size_t count = (n + 7) / 8, bytes = packed_bytes(n, bits);
  std::size_t word = 0;
  for (; word * bits + 8 <= bytes; ++word) std::memcpy(words + 8 * word, in + word * bits, 8);
  for (; word < count; ++word) {
    store(words + 8 * word, std::uint64_t{0});
    std::memcpy(words + 8 * word, in + word * bits,
                std::min<std::size_t>(bits, bytes - word * bits));
  }
  spread_words(words, count, steps_of(bits));
}

}  // namespace terse::kernels
