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

TERSE_INLINE std::uint64_t compact(std::uint64_t word, const PackStep& step) {
  return (word & step.stay) | ((word & step.move) >> step.by);
}

TERSE_INLINE std::uint64_t expand(std::uint64_t word, const PackStep& step) {
  return (word & step.stay) | ((word << step.by) & step.move);
}

namespace hn = hwy::HWY_NAMESPACE;

// For finite numbers the order matters only for the sign of a zero, which becomes + at the end.
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

// The codes' values: low + unit * code.
struct Grid {
  float low, unit, inverse;
  std::int32_t top;

  TERSE_INLINE std::int32_t code(float v, float shift) const {
    return std::min(static_cast<std::int32_t>((v - low) * inverse + shift), top);
  }
  TERSE_INLINE float value(std::int32_t code) const {
    return low + unit * static_cast<float>(code);
  }
};

// A quantization of which the first `done` elements are done.
struct Job {
  Grid grid;
  Quantization q;
  std::size_t done = 0;

  TERSE_INLINE void prefetch(std::size_t elements) const {
    constexpr std::size_t kLine = 16;
    for (std::size_t j = 0; j < elements; j += kLine) {
      __builtin_prefetch(q.next.grad + done + j, 0, 2);
      __builtin_prefetch(q.next.residual + done + j, 0, 2);
    }
  }
};

#if TERSE_X86_VECTORS
using FloatTag = hn::ScalableTag<float>;
using IntTag = hn::RebindToSigned<FloatTag>;
using FloatVec = hn::Vec<FloatTag>;
using IntVec = hn::Vec<IntTag>;

// Converts like a C++ cast. Highway's conversion also guards against values outside the integers.
TERSE_INLINE IntVec truncated(FloatVec v) {
  using Ints = std::int32_t __attribute__((vector_size(sizeof(v.raw))));
  return IntVec{reinterpret_cast<decltype(IntVec::raw)>(__builtin_convertvector(v.raw, Ints))};
}

// The bytes of four vectors; each 128-bit lane has a quarter of them.
TERSE_INLINE __m256i bytes_in_lanes(const __m256i* c) {
  return _mm256_packus_epi16(_mm256_packs_epi32(c[0], c[1]), _mm256_packs_epi32(c[2], c[3]));
}
#if HWY_TARGET <= HWY_AVX3
TERSE_INLINE __m512i bytes_in_lanes(const __m512i* c) {
  return _mm512_packus_epi16(_mm512_packs_epi32(c[0], c[1]), _mm512_packs_epi32(c[2], c[3]));
}
#endif

// Several vectors side by side: one chain of these operations is longer than the out-of-order
// window of small machines.
template <bool kNoise, DecodeOutput kOutput>
TERSE_INLINE void quantize_vectors(Job& job) {
  constexpr FloatTag floats;
  constexpr IntTag ints;
  constexpr std::size_t kLanes = hn::MaxLanes(floats), kSide = 8, kStretch = kSide * kLanes;
  const FloatVec low = hn::Set(floats, job.grid.low), unit = hn::Set(floats, job.grid.unit),
                 inverse = hn::Set(floats, job.grid.inverse), half = hn::Set(floats, 0.5f);
  const IntVec top = hn::Set(ints, job.grid.top);
  // The low 16 bits of a float in [128, 129) count multiples of 2^-16.
  static_assert(kNoiseUnit == 0x1.0p-16f);
  const FloatVec base = hn::Set(floats, 128.0f);
  const IntVec base_bits = hn::BitCast(ints, base);
  const hn::Rebind<std::uint16_t, FloatTag> halves;
  alignas(64) std::int32_t order[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i)
    order[i] = static_cast<std::int32_t>(i % (kLanes / 4) * 4 + i / (kLanes / 4));
  const auto in_order = hn::SetTableIndices(ints, order);

  for (; job.done + kStretch <= job.q.n; job.done += kStretch) {
    const float* const values = job.q.values + job.done;
    job.prefetch(kStretch);
    FloatVec x[kSide];
    IntVec codes[kSide];
    for (std::size_t k = 0; k < kSide; ++k)
      x[k] = hn::Mul(hn::Sub(hn::LoadU(floats, values + k * kLanes), low), inverse);
    for (std::size_t k = 0; k < kSide; ++k) {
      FloatVec shift = half;
      if constexpr (kNoise) {
        const IntVec bits =
            hn::PromoteTo(ints, hn::LoadU(halves, job.q.noise + job.done + k * kLanes));
        shift = hn::Sub(hn::BitCast(floats, hn::Or(bits, base_bits)), base);
      }
      codes[k] = truncated(hn::Add(x[k], shift));
    }
    for (IntVec& code : codes) code = hn::Min(code, top);
    for (std::size_t k = 0; k < kSide; k += 4) {
      const IntVec bytes{bytes_in_lanes(&codes[k].raw)};
      hn::StoreU(hn::TableLookupLanes(bytes, in_order), ints,
                 reinterpret_cast<std::int32_t*>(job.q.codes + job.done + k * kLanes));
    }
    if constexpr (kOutput != DecodeOutput::nothing) {
      for (std::size_t k = 0; k < kSide; ++k)
        x[k] = hn::Add(low, hn::Mul(unit, hn::ConvertTo(floats, codes[k])));
      for (std::size_t k = 0; k < kSide; ++k) {
        if constexpr (kOutput == DecodeOutput::difference)
          x[k] = hn::Sub(hn::LoadU(floats, values + k * kLanes), x[k]);
        hn::StoreU(x[k], floats, job.q.sink.to + job.done + k * kLanes);
      }
    }
  }
}
#endif

// In stretches of two cache lines, as no compiler vectorizes a loop that prefetches: without
// prefetching, passes over cached blocks leave the memory idle.
template <bool kNoise, DecodeOutput kOutput>
TERSE_INLINE void quantize_body(Job job) {
  const Grid grid = job.grid;
  const float* const values = job.q.values;
  const std::uint16_t* const noise = job.q.noise;
  std::uint8_t* const codes = job.q.codes;
  float* const sink = job.q.sink.to;
  const auto one = [=](std::size_t i) HWY_ATTR {
    const float shift = kNoise ? static_cast<float>(noise[i]) * kNoiseUnit : 0.5f;
    const std::int32_t code = grid.code(values[i], shift);
    codes[i] = static_cast<std::uint8_t>(code);
    if constexpr (kOutput == DecodeOutput::decoded) sink[i] = grid.value(code);
    if constexpr (kOutput == DecodeOutput::difference) sink[i] = values[i] - grid.value(code);
  };
#if TERSE_X86_VECTORS
  quantize_vectors<kNoise, kOutput>(job);
#endif
  constexpr std::size_t kStretch = 32;
  for (; job.done + kStretch <= job.q.n; job.done += kStretch) {
    job.prefetch(kStretch);
    TERSE_ELEMENTWISE
    for (std::size_t j = 0; j < kStretch; ++j) one(job.done + j);
  }
  for (; job.done < job.q.n; ++job.done) one(job.done);
}

template <DecodeOutput kOutput>
TERSE_INLINE void quantize_into(const Job& job) {
  if (job.q.noise != nullptr) {
    quantize_body<true, kOutput>(job);
  } else {
    quantize_body<false, kOutput>(job);
  }
}

void quantize(const Quantization& q) {
  const Job job{.grid = {.low = q.low,
                         .unit = q.unit,
                         .inverse = 1 / q.unit,
                         .top = static_cast<std::int32_t>(q.top)},
                .q = q};
  switch (q.sink.output) {
    case DecodeOutput::nothing:
      return quantize_into<DecodeOutput::nothing>(job);
    case DecodeOutput::decoded:
      return quantize_into<DecodeOutput::decoded>(job);
    case DecodeOutput::difference:
      return quantize_into<DecodeOutput::difference>(job);
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

// Joins pairs of four-bit codes into bytes.
void compact_nibbles(const std::byte* __restrict codes, std::size_t count,
                     std::byte* __restrict out) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto pair = load<std::uint16_t>(codes + 2 * i);
    out[i] = static_cast<std::byte>(pair | pair >> 4);
  }
}

void compact_words(std::byte* words, std::size_t count, const std::array<PackStep, 3>& steps) {
  const PackStep a = steps[0], b = steps[1], c = steps[2];
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < count; ++i) {
    const auto word = load<std::uint64_t>(words + 8 * i);
    store(words + 8 * i, compact(compact(compact(word, a), b), c));
  }
}

void expand_words(std::byte* words, std::size_t count, const std::array<PackStep, 3>& steps) {
  const PackStep a = steps[0], b = steps[1], c = steps[2];
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < count; ++i) {
    const auto word = load<std::uint64_t>(words + 8 * i);
    store(words + 8 * i, expand(expand(expand(word, c), b), a));
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
HWY_EXPORT(compact_nibbles);
HWY_EXPORT(compact_words);
HWY_EXPORT(expand_words);

Range range_of(const float* values, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(range_of)(values, n);
}
void quantize(const Quantization& job) { HWY_DYNAMIC_DISPATCH(quantize)(job); }
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
  if (bits == 4) return HWY_DYNAMIC_DISPATCH(compact_nibbles)(words, bytes, out);
  HWY_DYNAMIC_DISPATCH(compact_words)(words, count, steps_of(bits));
  std::size_t word = 0;
  // Whole words are stored as long as later ones overwrite the excess bytes.
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
  HWY_DYNAMIC_DISPATCH(expand_words)(words, count, steps_of(bits));
}

}  // namespace terse::kernels
#endif
