#include "terse/compressors/kernels/quantise.h"

#include <algorithm>
#include <array>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/quantise.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/compressors/kernels/dispatch.h"
#include "terse/compressors/kernels/noise.h"
#include "terse/compressors/kernels/pack_steps.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

TERSE_INLINE std::uint64_t close_up(std::uint64_t word, const Step& step) {
  return (word & step.stay) | ((word & step.move) >> step.by);
}

TERSE_INLINE std::uint64_t spread(std::uint64_t word, const Step& step) {
  return (word & step.stay) | ((word << step.by) & step.move);
}

// Of numbers the order does not matter but for the sign of a zero, which is made + in the end.
Range range_of(const float* values, std::size_t n) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> floats;
  const std::size_t lanes = hn::Lanes(floats);
  float low = values[0], high = values[0];
  std::size_t i = 0;
  if (n >= 2 * lanes) {
    auto low_a = hn::LoadU(floats, values), low_b = hn::LoadU(floats, values + lanes);
    auto high_a = low_a, high_b = low_b;
    for (i = 2 * lanes; i + 2 * lanes <= n; i += 2 * lanes) {
      const auto a = hn::LoadU(floats, values + i), b = hn::LoadU(floats, values + i + lanes);
      low_a = hn::Min(low_a, a);
      low_b = hn::Min(low_b, b);
      high_a = hn::Max(high_a, a);
      high_b = hn::Max(high_b, b);
    }
    low = hn::GetLane(hn::MinOfLanes(floats, hn::Min(low_a, low_b)));
    high = hn::GetLane(hn::MaxOfLanes(floats, hn::Max(high_a, high_b)));
  }
  for (; i < n; ++i) {
    low = std::min(low, values[i]);
    high = std::max(high, values[i]);
  }
  return {low + 0.0f, high + 0.0f};
}

template <bool kNoise, Keep kKeep>
TERSE_INLINE void quantise_one(const float* __restrict values,
                               const std::uint16_t* __restrict noise, float low, float unit,
                               float inverse, std::int32_t top, std::uint8_t* __restrict codes,
                               float* __restrict kept, std::size_t i) {
  const float shift = kNoise ? static_cast<float>(noise[i]) * kNoiseUnit : 0.5f;
  const float level = (values[i] - low) * inverse + shift;
  const std::int32_t code = std::min(static_cast<std::int32_t>(level), top);
  codes[i] = static_cast<std::uint8_t>(code);
  if constexpr (kKeep != Keep::nothing) {
    const float decoded = low + unit * static_cast<float>(code);
    kept[i] = kKeep == Keep::difference ? values[i] - decoded : decoded;
  }
}

// In stretches of two cache lines, as no compiler vectorises a loop that prefetches: without that,
// the passes over cached blocks leave the memory idle.
template <bool kNoise, Keep kKeep>
TERSE_INLINE void quantise_body(const float* values, const std::uint16_t* noise, float low,
                                float unit, float top, std::uint8_t* codes, float* kept,
                                Ahead ahead, std::size_t n) {
  const float inverse = 1 / unit;
  const auto most = static_cast<std::int32_t>(top);
  constexpr std::size_t kLine = 16, kStretch = 2 * kLine;
  std::size_t i = 0;
  for (; i + kStretch <= n; i += kStretch) {
    for (std::size_t j = 0; j < kStretch; j += kLine) {
      __builtin_prefetch(ahead.grad + i + j, 0, 2);
      __builtin_prefetch(ahead.residual + i + j, 0, 2);
    }
    TERSE_ELEMENTWISE
    for (std::size_t j = 0; j < kStretch; ++j)
      quantise_one<kNoise, kKeep>(values, noise, low, unit, inverse, most, codes, kept, i + j);
  }
  for (; i < n; ++i)
    quantise_one<kNoise, kKeep>(values, noise, low, unit, inverse, most, codes, kept, i);
}

template <Keep kKeep>
TERSE_INLINE void quantise_keeping(const float* values, const std::uint16_t* noise, float low,
                                   float unit, float top, std::uint8_t* codes, float* kept,
                                   Ahead ahead, std::size_t n) {
  if (noise != nullptr) {
    quantise_body<true, kKeep>(values, noise, low, unit, top, codes, kept, ahead, n);
  } else {
    quantise_body<false, kKeep>(values, noise, low, unit, top, codes, kept, ahead, n);
  }
}

void quantise(const float* values, const std::uint16_t* noise, float low, float unit, float top,
              std::uint8_t* codes, Keep keep, float* kept, Ahead ahead, std::size_t n) {
  switch (keep) {
    case Keep::nothing:
      return quantise_keeping<Keep::nothing>(values, noise, low, unit, top, codes, kept, ahead, n);
    case Keep::decoded:
      return quantise_keeping<Keep::decoded>(values, noise, low, unit, top, codes, kept, ahead, n);
    case Keep::difference:
      return quantise_keeping<Keep::difference>(values, noise, low, unit, top, codes, kept, ahead,
                                                n);
  }
}

void dequantise(const std::uint8_t* __restrict codes, float low, float unit, float* __restrict out,
                std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = low + unit * static_cast<float>(codes[i]);
}

void add_dequantised(const std::uint8_t* __restrict codes, float low, float unit,
                     float* __restrict acc, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) acc[i] += low + unit * static_cast<float>(codes[i]);
}

// Two codes of four bits to a byte.
void close_up_nibbles(const std::byte* __restrict codes, std::size_t count,
                      std::byte* __restrict out) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto pair = load<std::uint16_t>(codes + 2 * i);
    out[i] = static_cast<std::byte>(pair | pair >> 4);
  }
}

void close_up_words(std::byte* words, std::size_t count, const std::array<Step, 3>& steps) {
  const Step a = steps[0], b = steps[1], c = steps[2];
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < count; ++i) {
    const auto word = load<std::uint64_t>(words + 8 * i);
    store(words + 8 * i, close_up(close_up(close_up(word, a), b), c));
  }
}

void spread_words(std::byte* words, std::size_t count, const std::array<Step, 3>& steps) {
  const Step a = steps[0], b = steps[1], c = steps[2];
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < count; ++i) {
    const auto word = load<std::uint64_t>(words + 8 * i);
    store(words + 8 * i, spread(spread(spread(word, c), b), a));
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {

HWY_EXPORT(range_of);
HWY_EXPORT(quantise);
HWY_EXPORT(dequantise);
HWY_EXPORT(add_dequantised);
HWY_EXPORT(close_up_nibbles);
HWY_EXPORT(close_up_words);
HWY_EXPORT(spread_words);

Range range_of(const float* values, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(range_of)(values, n);
}
void quantise(const float* values, const std::uint16_t* noise, float low, float unit, float top,
              std::uint8_t* codes, Keep keep, float* kept, Ahead ahead, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(quantise)(values, noise, low, unit, top, codes, keep, kept, ahead, n);
}
void dequantise(const std::uint8_t* codes, float low, float unit, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(dequantise)(codes, low, unit, out, n);
}
void add_dequantised(const std::uint8_t* codes, float low, float unit, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_dequantised)(codes, low, unit, acc, n);
}

void pack(std::uint8_t* codes, std::size_t n, unsigned bits, std::byte* out) {
  if (n == 0) return;
  std::byte* const words = std::as_writable_bytes(std::span(codes, n)).data();
  const std::size_t count = (n + 7) / 8, bytes = packed_bytes(n, bits);
  if (bits == 8) return void(std::memcpy(out, words, n));
  if (bits == 4) return HWY_DYNAMIC_DISPATCH(close_up_nibbles)(words, bytes, out);
  HWY_DYNAMIC_DISPATCH(close_up_words)(words, count, steps_of(bits));
  std::size_t word = 0;
  // A whole word is stored where the next ones overwrite what is too much.
  for (; word * bits + 8 <= bytes; ++word) std::memcpy(out + word * bits, words + 8 * word, 8);
  for (; word < count; ++word) {
    std::memcpy(out + word * bits, words + 8 * word,
                std::min<std::size_t>(bits, bytes - word * bits));
  }
}

void unpack(const std::byte* in, std::size_t n, unsigned bits, std::uint8_t* codes) {
  if (n == 0) return;
  std::byte* const words = std::as_writable_bytes(std::span(codes, n)).data();
  const std::size_t count = (n + 7) / 8, bytes = packed_bytes(n, bits);
  if (bits == 8) {
    std::memcpy(words, in, n);
    std::fill(words + n, words + 8 * count, std::byte{0});
    return;
  }
  std::size_t word = 0;
  for (; word * bits + 8 <= bytes; ++word) std::memcpy(words + 8 * word, in + word * bits, 8);
  for (; word < count; ++word) {
    store(words + 8 * word, std::uint64_t{0});
    std::memcpy(words + 8 * word, in + word * bits,
                std::min<std::size_t>(bits, bytes - word * bits));
  }
  HWY_DYNAMIC_DISPATCH(spread_words)(words, count, steps_of(bits));
}

}  // namespace terse::kernels
#endif
