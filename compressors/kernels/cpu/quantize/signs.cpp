#include "terse/compressors/kernels/cpu/quantize/signs.h"

#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/cpu/quantize/signs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/compressors/kernels/cpu/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// Vectors of 8 lanes or more give whole bytes of bits; other targets use plain loops.
#if TERSE_X86_VECTORS
namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;

template <DecodeOutput kOutput>
TERSE_INLINE std::size_t pack_vectors(const float* values, std::size_t n, std::byte* bits,
                                      SignLevels levels, float* sink) {
  const Floats floats;
  const auto zero = hn::Zero(floats), positive = hn::Set(floats, levels.positive),
             negative = hn::Set(floats, levels.negative);
  const std::size_t lanes = hn::Lanes(floats);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(floats, values + i);
    const auto below = hn::Lt(v, zero);
    hn::StoreMaskBits(floats, below, reinterpret_cast<std::uint8_t*>(bits + i / 8));
    if constexpr (kOutput != DecodeOutput::nothing) {
      const auto decoded = hn::IfThenElse(below, negative, positive);
      hn::StoreU(kOutput == DecodeOutput::difference ? hn::Sub(v, decoded) : decoded, floats,
                 sink + i);
    }
  }
  return i;
}

template <bool kAdd>
TERSE_INLINE std::size_t unpack_vectors(const std::byte* bits, SignLevels levels, float* out,
                                        std::size_t n) {
  const Floats floats;
  const auto positive = hn::Set(floats, levels.positive),
             negative = hn::Set(floats, levels.negative);
  const std::size_t lanes = hn::Lanes(floats);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto below =
        hn::LoadMaskBits(floats, reinterpret_cast<const std::uint8_t*>(bits + i / 8));
    const auto decoded = hn::IfThenElse(below, negative, positive);
    hn::StoreU(kAdd ? hn::Add(hn::LoadU(floats, out + i), decoded) : decoded, floats, out + i);
  }
  return i;
}
#else
template <DecodeOutput kOutput>
TERSE_INLINE std::size_t pack_vectors(const float*, std::size_t, std::byte*, SignLevels, float*) {
  return 0;
}
template <bool kAdd>
TERSE_INLINE std::size_t unpack_vectors(const std::byte*, SignLevels, float*, std::size_t) {
  return 0;
}
#endif

template <DecodeOutput kOutput>
TERSE_INLINE void pack_body(const float* values, std::size_t n, std::byte* bits, SignLevels levels,
                            float* sink) {
  std::size_t i = pack_vectors<kOutput>(values, n, bits, levels, sink);
  for (; i < n; i += 8) {
    unsigned byte = 0;
    for (std::size_t j = 0; j < 8 && i + j < n; ++j) {
      const float v = values[i + j];
      const bool below = v < 0;
      byte |= static_cast<unsigned>(below) << j;
      if constexpr (kOutput != DecodeOutput::nothing) {
        const float decoded = below ? levels.negative : levels.positive;
        sink[i + j] = kOutput == DecodeOutput::difference ? v - decoded : decoded;
      }
    }
    bits[i / 8] = static_cast<std::byte>(byte);
  }
}

void pack_signs(const float* values, std::size_t n, std::byte* bits, SignLevels levels,
                DecodeSink sink) {
  switch (sink.output) {
    case DecodeOutput::nothing:
      return pack_body<DecodeOutput::nothing>(values, n, bits, levels, sink.to);
    case DecodeOutput::decoded:
      return pack_body<DecodeOutput::decoded>(values, n, bits, levels, sink.to);
    case DecodeOutput::difference:
      return pack_body<DecodeOutput::difference>(values, n, bits, levels, sink.to);
  }
}

template <bool kAdd>
TERSE_INLINE void unpack_body(const std::byte* bits, SignLevels levels, float* out, std::size_t n) {
  for (std::size_t i = unpack_vectors<kAdd>(bits, levels, out, n); i < n; ++i) {
    const bool below = (static_cast<unsigned>(bits[i / 8]) >> (i % 8)) & 1u;
    const float decoded = below ? levels.negative : levels.positive;
    out[i] = kAdd ? out[i] + decoded : decoded;
  }
}

void unpack_signs(const std::byte* bits, SignLevels levels, float* out, std::size_t n) {
  unpack_body<false>(bits, levels, out, n);
}
void add_signs(const std::byte* bits, SignLevels levels, float* acc, std::size_t n) {
  unpack_body<true>(bits, levels, acc, n);
}

void copy_signs(const float* values, float* out, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i)
    out[i] = (values[i] < 0 ? -1.0f : 1.0f) + (values[i] - values[i]);
}

// The 32 partial sums, and the number of negative values in each.
struct Partials {
  alignas(64) std::array<float, 32> above{}, below{};
  alignas(64) std::array<std::int32_t, 32> count{};
};

#if TERSE_X86_VECTORS
// Sums all whole groups of 32 values; returns where it stopped.
TERSE_INLINE std::size_t sum_vectors(const float* values, std::size_t n, Partials& into) {
  constexpr std::size_t kVectors = 32 / hn::MaxLanes(Floats());
  using Ints = hn::RebindToSigned<Floats>;
  const Floats floats;
  const Ints ints;
  const auto zero = hn::Zero(floats);
  hn::Vec<Floats> above[kVectors], below[kVectors];
  hn::Vec<Ints> count[kVectors];
  for (std::size_t k = 0; k < kVectors; ++k)
    above[k] = zero, below[k] = zero, count[k] = hn::Zero(ints);
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    for (std::size_t k = 0; k < kVectors; ++k) {
      const auto v = hn::LoadU(floats, values + i + k * hn::Lanes(floats));
      const auto negative = hn::Lt(v, zero);
      above[k] = hn::Add(above[k], hn::IfThenZeroElse(negative, v));
      below[k] = hn::Add(below[k], hn::IfThenElseZero(negative, hn::Neg(v)));
      count[k] = hn::Sub(count[k], hn::BitCast(ints, hn::VecFromMask(floats, negative)));
    }
  }
  for (std::size_t k = 0; k < kVectors; ++k) {
    hn::StoreU(above[k], floats, into.above.data() + k * hn::Lanes(floats));
    hn::StoreU(below[k], floats, into.below.data() + k * hn::Lanes(floats));
    hn::StoreU(count[k], ints, into.count.data() + k * hn::Lanes(floats));
  }
  return i;
}
#else
TERSE_INLINE std::size_t sum_vectors(const float*, std::size_t, Partials&) { return 0; }
#endif

SignSums sums_by_sign(const float* values, std::size_t n) {
  Partials sums;
  for (std::size_t i = sum_vectors(values, n, sums); i < n; ++i) {
    const float v = values[i];
    sums.above[i % 32] += v < 0 ? 0.0f : v;
    sums.below[i % 32] += v < 0 ? -v : 0.0f;
    sums.count[i % 32] += v < 0 ? 1 : 0;
  }
  for (std::size_t half = 16; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) {
      sums.above[lane] += sums.above[lane + half];
      sums.below[lane] += sums.below[lane + half];
      sums.count[lane] += sums.count[lane + half];
    }
  }
  return {sums.above[0], sums.below[0], static_cast<std::size_t>(sums.count[0])};
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {

HWY_EXPORT(pack_signs);
HWY_EXPORT(unpack_signs);
HWY_EXPORT(add_signs);
HWY_EXPORT(copy_signs);
HWY_EXPORT(sums_by_sign);

void pack_signs(const float* values, std::size_t n, std::byte* bits, SignLevels levels,
                DecodeSink sink) {
  HWY_DYNAMIC_DISPATCH(pack_signs)(values, n, bits, levels, sink);
}
void unpack_signs(const std::byte* bits, SignLevels levels, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(unpack_signs)(bits, levels, out, n);
}
void add_signs(const std::byte* bits, SignLevels levels, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_signs)(bits, levels, acc, n);
}
void copy_signs(const float* values, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(copy_signs)(values, out, n);
}
SignSums sums_by_sign(const float* values, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(sums_by_sign)(values, n);
}

}  // namespace terse::kernels
#endif
