#include "terse/compressors/kernels/cpu/quantize/quantize.h"

#include <algorithm>
#include <array>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/cpu/quantize/quantize.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/noise.h"
#include "terse/compressors/kernels/cpu/quantize/pack_steps.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

TERSE_INLINE std::uint64_t close_up(std::uint64_t word, const Step& step) {
  return (word & step.stay) | ((word & step.move) >> step.by);
}

TERSE_INLINE std::uint64_t spread(std::uint64_t word, const Step& step) {
  return (word & step.stay) | ((word << step.by) & step.move);
}

namespace hn = hwy::HWY_NAMESPACE;

// Of numbers the order does not matter but for the sign of a zero, which is made + in the end.
Range range_of(const float* values, std::size_t n) {
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

template <bool kNoise, DecodeOutput kKeep>
TERSE_INLINE void quantize_one(const float* __restrict values,
                               const std::uint16_t* __restrict noise, float low, float unit,
                               float inverse, std::int32_t top, std::uint8_t* __restrict codes,
                               float* __restrict kept, std::size_t i) {
  const float shift = kNoise ? static_cast<float>(noise[i]) * kNoiseUnit : 0.5f;
  const float level = (values[i] - low) * inverse + shift;
  const std::int32_t code = std::min(static_cast<std::int32_t>(level), top);
  codes[i] = static_cast<std::uint8_t>(code);
  if constexpr (kKeep != DecodeOutput::nothing) {
    const float decoded = low + unit * static_cast<float>(code);
    kept[i] = kKeep == DecodeOutput::difference ? values[i] - decoded : decoded;
  }
}

// A quantization with its constants; `done` elements of the arrays are done.
struct Job {
  const float* values;
  const std::uint16_t* noise;
  float low, unit, inverse;
  std::int32_t top;
  std::uint8_t* codes;
  float* kept;
  PrefetchHint ahead;
  std::size_t n, done = 0;

  TERSE_INLINE void prefetch(std::size_t elements) const {
    constexpr std::size_t kLine = 16;
    for (std::size_t j = 0; j < elements; j += kLine) {
      __builtin_prefetch(ahead.grad + done + j, 0, 2);
      __builtin_prefetch(ahead.residual + done + j, 0, 2);
    }
  }
};

#if TERSE_X86_VECTORS
using FloatTag = hn::ScalableTag<float>;
using IntTag = hn::RebindToSigned<FloatTag>;
using FloatVec = hn::Vec<FloatTag>;
using IntVec = hn::Vec<IntTag>;

// As the language does it. Highway's conversion would guard against numbers that no integer holds.
TERSE_INLINE IntVec truncated(FloatVec v) {
  using Ints = std::int32_t __attribute__((vector_size(sizeof(v.raw))));
  return IntVec{reinterpret_cast<decltype(IntVec::raw)>(__builtin_convertvector(v.raw, Ints))};
}

// Bytes of four vectors, of which each lane of 128 bits has a quarter.
TERSE_INLINE __m256i bytes_in_lanes(const __m256i* c) {
  return _mm256_packus_epi16(_mm256_packs_epi32(c[0], c[1]), _mm256_packs_epi32(c[2], c[3]));
}
#if HWY_TARGET <= HWY_AVX3
TERSE_INLINE __m512i bytes_in_lanes(const __m512i* c) {
  return _mm512_packus_epi16(_mm512_packs_epi32(c[0], c[1]), _mm512_packs_epi32(c[2], c[3]));
}
#endif

// Some vectors side by side: a chain of these operations takes longer than small machines look
// ahead.
template <bool kNoise, DecodeOutput kKeep>
TERSE_INLINE void quantize_vectors(Job& job) {
  constexpr FloatTag floats;
  constexpr IntTag ints;
  constexpr std::size_t kLanes = hn::MaxLanes(floats), kSide = 8, kStretch = kSide * kLanes;
  const FloatVec low = hn::Set(floats, job.low), unit = hn::Set(floats, job.unit),
                 inverse = hn::Set(floats, job.inverse), half = hn::Set(floats, 0.5f);
  const IntVec top = hn::Set(ints, job.top);
  // In a float of 128 to 129 the lower half of the bits counts 2^-16ths.
  static_assert(kNoiseUnit == 0x1.0p-16f);
  const FloatVec base = hn::Set(floats, 128.0f);
  const IntVec base_bits = hn::BitCast(ints, base);
  const hn::Rebind<std::uint16_t, FloatTag> halves;
  alignas(64) std::int32_t order[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i)
    order[i] = static_cast<std::int32_t>(i % (kLanes / 4) * 4 + i / (kLanes / 4));
  const auto in_order = hn::SetTableIndices(ints, order);

  for (; job.done + kStretch <= job.n; job.done += kStretch) {
    const float* const values = job.values + job.done;
    job.prefetch(kStretch);
    FloatVec x[kSide];
    IntVec codes[kSide];
    for (std::size_t k = 0; k < kSide; ++k)
      x[k] = hn::Mul(hn::Sub(hn::LoadU(floats, values + k * kLanes), low), inverse);
    for (std::size_t k = 0; k < kSide; ++k) {
      FloatVec shift = half;
      if constexpr (kNoise) {
        const IntVec bits =
            hn::PromoteTo(ints, hn::LoadU(halves, job.noise + job.done + k * kLanes));
        shift = hn::Sub(hn::BitCast(floats, hn::Or(bits, base_bits)), base);
      }
      codes[k] = truncated(hn::Add(x[k], shift));
    }
    for (IntVec& code : codes) code = hn::Min(code, top);
    for (std::size_t k = 0; k < kSide; k += 4) {
      const IntVec bytes{bytes_in_lanes(&codes[k].raw)};
      hn::StoreU(hn::TableLookupLanes(bytes, in_order), ints,
                 reinterpret_cast<std::int32_t*>(job.codes + job.done + k * kLanes));
    }
    if constexpr (kKeep != DecodeOutput::nothing) {
      for (std::size_t k = 0; k < kSide; ++k)
        x[k] = hn::Add(low, hn::Mul(unit, hn::ConvertTo(floats, codes[k])));
      for (std::size_t k = 0; k < kSide; ++k) {
        if constexpr (kKeep == DecodeOutput::difference)
          x[k] = hn::Sub(hn::LoadU(floats, values + k * kLanes), x[k]);
        hn::StoreU(x[k], floats, job.kept + job.done + k * kLanes);
      }
    }
  }
}
#endif

// In stretches of two cache lines, as no compiler vectorizes a loop that prefetches: without that,
// the passes over cached blocks leave the memory idle.
template <bool kNoise, DecodeOutput kKeep>
TERSE_INLINE void quantize_body(Job job) {
  const auto one = [&](std::size_t i) HWY_ATTR {
    quantize_one<kNoise, kKeep>(job.values, job.noise, job.low, job.unit, job.inverse, job.top,
                                job.codes, job.kept, i);
  };
#if TERSE_X86_VECTORS
  quantize_vectors<kNoise, kKeep>(job);
#endif
  constexpr std::size_t kStretch = 32;
  for (; job.done + kStretch <= job.n; job.done += kStretch) {
    job.prefetch(kStretch);
    TERSE_ELEMENTWISE
    for (std::size_t j = 0; j < kStretch; ++j) one(job.done + j);
  }
  for (; job.done < job.n; ++job.done) one(job.done);
}

template <DecodeOutput kKeep>
TERSE_INLINE void quantize_keeping(const Job& job) {
  if (job.noise != nullptr) {
    quantize_body<true, kKeep>(job);
  } else {
    quantize_body<false, kKeep>(job);
  }
}

void quantize(const float* values, const std::uint16_t* noise, float low, float unit, float top,
              std::uint8_t* codes, DecodeOutput keep, float* kept, PrefetchHint ahead,
              std::size_t n) {
  const Job job{.values = values,
                .noise = noise,
                .low = low,
                .unit = unit,
                .inverse = 1 / unit,
                .top = static_cast<std::int32_t>(top),
                .codes = codes,
                .kept = kept,
                .ahead = ahead,
                .n = n};
  switch (keep) {
    case DecodeOutput::nothing:
      return quantize_keeping<DecodeOutput::nothing>(job);
    case DecodeOutput::decoded:
      return quantize_keeping<DecodeOutput::decoded>(job);
    case DecodeOutput::difference:
      return quantize_keeping<DecodeOutput::difference>(job);
  }
}

void dequantize(const std::uint8_t* __restrict codes, float low, float unit, float* __restrict out,
                std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = low + unit * static_cast<float>(codes[i]);
}

void add_dequantized(const std::uint8_t* __restrict codes, float low, float unit,
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
HWY_EXPORT(quantize);
HWY_EXPORT(dequantize);
HWY_EXPORT(add_dequantized);
HWY_EXPORT(close_up_nibbles);
HWY_EXPORT(close_up_words);
HWY_EXPORT(spread_words);

Range range_of(const float* values, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(range_of)(values, n);
}
void quantize(const float* values, const std::uint16_t* noise, float low, float unit, float top,
              std::uint8_t* codes, DecodeOutput keep, float* kept, PrefetchHint ahead,
              std::size_t n) {
  HWY_DYNAMIC_DISPATCH(quantize)(values, noise, low, unit, top, codes, keep, kept, ahead, n);
}
void dequantize(const std::uint8_t* codes, float low, float unit, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(dequantize)(codes, low, unit, out, n);
}
void add_dequantized(const std::uint8_t* codes, float low, float unit, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_dequantized)(codes, low, unit, acc, n);
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
