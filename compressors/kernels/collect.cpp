#include "terse/compressors/kernels/collect.h"

#include <bit>

#include "terse/compressors/kernels/select.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/collect.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

constexpr std::size_t kStretch = 32;  // elements that are looked at together

TERSE_INLINE void take(const float* v, std::uint32_t base, std::uint32_t mask, Collected& into) {
  for (; mask != 0; mask &= mask - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(mask));
    if (into.found < into.room) {
      into.index[into.found] = base + i;
      into.value[into.found] = v[i];
    }
    ++into.found;
  }
}

#if HWY_TARGET != HWY_SCALAR
namespace hn = hwy::HWY_NAMESPACE;

// By hand, as no compiler makes one mask of several vectors. Returns how far it came.
TERSE_INLINE std::size_t collect_vectors(std::span<const float> v, std::uint32_t base,
                                         std::uint32_t threshold, Collected& into) {
  const hn::CappedTag<std::int32_t, kStretch / 2> ints;
  using Ints = hn::Vec<decltype(ints)>;
  const std::size_t lanes = hn::Lanes(ints);
  const Ints all = hn::Set(ints, 0x7fffffff),
             below = hn::Set(ints, static_cast<std::int32_t>(threshold) - 1);
  const auto magnitudes = [&](std::size_t i) HWY_ATTR {
    return hn::And(hn::LoadU(ints, reinterpret_cast<const std::int32_t*>(&v[i])), all);
  };
  std::size_t i = 0;
  for (; i + kStretch <= v.size(); i += kStretch) {
    Ints most = hn::Max(magnitudes(i), magnitudes(i + lanes));
    for (std::size_t j = 2 * lanes; j < kStretch; j += 2 * lanes)
      most = hn::Max(most, hn::Max(magnitudes(i + j), magnitudes(i + j + lanes)));
    if (HWY_LIKELY(hn::AllFalse(ints, hn::Gt(most, below)))) continue;
    std::uint32_t mask = 0;
    for (std::size_t j = 0; j < kStretch; j += lanes) {
      std::uint64_t bits = 0;
      hn::StoreMaskBits(ints, hn::Gt(magnitudes(i + j), below),
                        reinterpret_cast<std::uint8_t*>(&bits));
      mask |= static_cast<std::uint32_t>(bits) << j;
    }
    take(&v[i], base + static_cast<std::uint32_t>(i), mask, into);
  }
  return i;
}
#else
TERSE_INLINE std::size_t collect_vectors(std::span<const float>, std::uint32_t, std::uint32_t,
                                         Collected&) {
  return 0;
}
#endif

void collect(std::span<const float> v, std::uint32_t base, std::uint32_t threshold,
             Collected& into) {
  if (threshold > kLargestMagnitude) return;
  std::size_t i = collect_vectors(v, base, threshold, into);
  for (; i < v.size(); ++i) {
    const bool above = magnitude(v[i]) >= threshold;
    take(&v[i], base + static_cast<std::uint32_t>(i), above ? 1 : 0, into);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
namespace {
constexpr float kNothing = -0.0f;  // a term that is left out changes no sum
}

HWY_EXPORT(collect);

void collect(std::span<const float> v, std::uint32_t base, std::uint32_t threshold,
             Collected& into) {
  HWY_DYNAMIC_DISPATCH(collect)(v, base, threshold, into);
}

void sample_magnitudes(const Row& row, const Feedback& f, const Places& places,
                       std::span<float> into) {
  const float scale = row.scale == nullptr ? 1.0f : *row.scale;
  const bool has_u = f.keeps_velocity();
  std::size_t place = places.start, next = 0;
  for (float& sample : into) {
    const std::size_t i = place + next;
    const float g = scale * row.grad[i];
    const float u_in = row.u_in == nullptr ? 0.0f : row.u_in[i];
    const float e_in = row.e_in == nullptr ? 0.0f : row.e_in[i];
    const float u = (f.uu != 0 ? f.uu * u_in : kNothing) + (f.ug != 0 ? f.ug * g : kNothing);
    const float v =
        ((has_u && f.vu != 0 ? f.vu * u : kNothing) + (f.vg != 0 ? f.vg * g : kNothing)) +
        (f.ve != 0 ? f.ve * e_in : kNothing);
    sample = std::bit_cast<float>(magnitude(v));
    if (++next == places.together) {
      next = 0;
      place += places.stride;
    }
  }
}

}  // namespace terse::kernels
#endif
