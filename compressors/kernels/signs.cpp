#include "terse/compressors/kernels/signs.h"

#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/signs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/compressors/kernels/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// Vectors of 8 lanes or more make whole bytes of bits; the others are left to plain loops.
#define TERSE_WHOLE_BYTES (HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3)

#if TERSE_WHOLE_BYTES
namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;

template <Keep kKeep>
TERSE_INLINE std::size_t pack_vectors(const float* values, std::size_t n, std::byte* bits,
                                      Levels levels, float* kept) {
  const Floats floats;
  const auto zero = hn::Zero(floats), positive = hn::Set(floats, levels.positive),
             negative = hn::Set(floats, levels.negative);
  const std::size_t lanes = hn::Lanes(floats);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(floats, values + i);
    const auto below = hn::Lt(v, zero);
    hn::StoreMaskBits(floats, below, reinterpret_cast<std::uint8_t*>(bits + i / 8));
    if constexpr (kKeep != Keep::nothing) {
      const auto decoded = hn::IfThenElse(below, negative, positive);
      hn::StoreU(kKeep == Keep::difference ? hn::Sub(v, decoded) : decoded, floats, kept + i);
    }
  }
  return i;
}

template <bool kAdd>
TERSE_INLINE std::size_t unpack_vectors(const std::byte* bits, Levels levels, float* out,
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
template <Keep kKeep>
TERSE_INLINE std::size_t pack_vectors(const float*, std::size_t, std::byte*, Levels, float*) {
  return 0;
}
template <bool kAdd>
TERSE_INLINE std::size_t unpack_vectors(const std::byte*, Levels, float*, std::size_t) {
  return 0;
}
#endif

template <Keep kKeep>
TERSE_INLINE void pack_body(const float* values, std::size_t n, std::byte* bits, Levels levels,
                            float* kept) {
  std::size_t i = pack_vectors<kKeep>(values, n, bits, levels, kept);
  for (; i < n; i += 8) {
    unsigned byte = 0;
    for (std::size_t j = 0; j < 8 && i + j < n; ++j) {
      const float v = values[i + j];
      const bool below = v < 0;
      byte |= static_cast<unsigned>(below) << j;
      if constexpr (kKeep != Keep::nothing) {
        const float decoded = below ? levels.negative : levels.positive;
        kept[i + j] = kKeep == Keep::difference ? v - decoded : decoded;
      }
    }
    bits[i / 8] = static_cast<std::byte>(byte);
  }
}

void pack_signs(const float* values, std::size_t n, std::byte* bits, Levels levels, Keep keep,
                float* kept) {
  switch (keep) {
    case Keep::nothing:
      return pack_body<Keep::nothing>(values, n, bits, levels, kept);
    case Keep::decoded:
      return pack_body<Keep::decoded>(values, n, bits, levels, kept);
    case Keep::difference:
      return pack_body<Keep::difference>(values, n, bits, levels, kept);
  }
}

template <bool kAdd>
TERSE_INLINE void unpack_body(const std::byte* bits, Levels levels, float* out, std::size_t n) {
  for (std::size_t i = unpack_vectors<kAdd>(bits, levels, out, n); i < n; ++i) {
    const bool below = (static_cast<unsigned>(bits[i / 8]) >> (i % 8)) & 1u;
    const float decoded = below ? levels.negative : levels.positive;
    out[i] = kAdd ? out[i] + decoded : decoded;
  }
}

void unpack_signs(const std::byte* bits, Levels levels, float* out, std::size_t n) {
  unpack_body<false>(bits, levels, out, n);
}
void add_signs(const std::byte* bits, Levels levels, float* acc, std::size_t n) {
  unpack_body<true>(bits, levels, acc, n);
}

void copy_signs(const float* values, float* out, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) out[i] = values[i] < 0 ? -1.0f : 1.0f;
}

SignSums sums_by_sign(const float* values, std::size_t n) {
  constexpr std::size_t kLanes = 32;
  std::array<float, kLanes> above{}, below{};
  std::array<std::uint32_t, kLanes> count{};
  const auto add = [&](std::size_t lane, float v) {
    above[lane] += v < 0 ? 0.0f : v;
    below[lane] += v < 0 ? -v : 0.0f;
    count[lane] += v < 0 ? 1u : 0u;
  };
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) add(lane, values[i + lane]);
  }
  for (std::size_t lane = 0; i + lane < n; ++lane) add(lane, values[i + lane]);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) {
      above[lane] += above[lane + half];
      below[lane] += below[lane + half];
      count[lane] += count[lane + half];
    }
  }
  return {above[0], below[0], count[0]};
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

void pack_signs(const float* values, std::size_t n, std::byte* bits, Levels levels, Keep keep,
                float* kept) {
  HWY_DYNAMIC_DISPATCH(pack_signs)(values, n, bits, levels, keep, kept);
}
void unpack_signs(const std::byte* bits, Levels levels, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(unpack_signs)(bits, levels, out, n);
}
void add_signs(const std::byte* bits, Levels levels, float* acc, std::size_t n) {
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
