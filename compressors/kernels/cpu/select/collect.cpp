#include "terse/compressors/kernels/cpu/select/collect.h"

#include <algorithm>
#include <array>
#include <bit>

#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/fold_loops.h"
#include "terse/compressors/kernels/cpu/select/select.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/cpu/select/collect.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <bool kClears>
TERSE_INLINE void add_one(const float* v, std::uint32_t index, Collected& into) {
  const float value = *v;
  if (into.found < into.capacity) {
    into.index[into.found] = index;
    into.value[into.found] = value;
    if constexpr (kClears) {
      const std::uint32_t mask = magnitude(value) >= into.clear_from ? 0u : 0xffffffffu;
      *const_cast<float*>(v) = std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & mask);
    }
  }
  ++into.found;
}

// Lists the stretches with a peak above `below`, without a branch for each.
TERSE_INLINE std::size_t list_stretches(std::span<const std::uint32_t> peaks, std::uint32_t below,
                                        std::uint16_t* list) {
  const hn::CappedTag<std::int32_t, kPeakLanes> ints;
  const auto limit = hn::Set(ints, static_cast<std::int32_t>(below));
  std::size_t count = 0;
  for (std::size_t i = 0; i < peaks.size(); i += kPeakLanes) {
    const auto* const at = reinterpret_cast<const std::int32_t*>(&peaks[i]);
    auto peak = hn::LoadU(ints, at);
    for (std::size_t lane = hn::Lanes(ints); lane < kPeakLanes; lane += hn::Lanes(ints))
      peak = hn::Max(peak, hn::LoadU(ints, at + lane));
    list[count] = static_cast<std::uint16_t>(i / kPeakLanes);
    count += hn::AllFalse(ints, hn::Gt(peak, limit)) ? 0 : 1;
  }
  return count;
}

// A bit mask of the stretch's elements whose magnitude is above `below`.
TERSE_INLINE std::uint32_t mask_of(const float* v, std::uint32_t below) {
  const hn::CappedTag<std::int32_t, kPeakLanes> ints;
  const auto all = hn::Set(ints, 0x7fffffff),
             limit = hn::Set(ints, static_cast<std::int32_t>(below));
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < kStretch; i += hn::Lanes(ints)) {
    const auto m = hn::And(hn::LoadU(ints, reinterpret_cast<const std::int32_t*>(v + i)), all);
    std::uint64_t bits = 0;
    hn::StoreMaskBits(ints, hn::Gt(m, limit), reinterpret_cast<std::uint8_t*>(&bits));
    mask |= static_cast<std::uint32_t>(bits) << i;
  }
  return mask;
}

template <bool kClears>
TERSE_INLINE void collect_into(std::span<const float> v, std::span<const std::uint32_t> peaks,
                               std::uint32_t base, std::uint32_t threshold, Collected& into) {
  const std::uint32_t below = threshold - 1;  // as a signed integer, -1 is below all
  std::array<std::uint16_t, kBlock / kStretch + 1> list;
  const std::size_t count = list_stretches(peaks, below, list.data());
  const std::size_t whole = v.size() / kStretch;
  for (std::size_t j = 0; j < count && list[j] < whole; ++j) {
    const std::size_t begin = list[j] * kStretch;
    std::uint32_t mask = mask_of(&v[begin], below);
    for (; mask != 0; mask &= mask - 1) {
      const std::size_t i = begin + static_cast<std::size_t>(std::countr_zero(mask));
      add_one<kClears>(&v[i], base + static_cast<std::uint32_t>(i), into);
    }
  }
  for (std::size_t i = whole * kStretch; i < v.size(); ++i) {
    if (magnitude(v[i]) >= threshold)
      add_one<kClears>(&v[i], base + static_cast<std::uint32_t>(i), into);
  }
}

void collect_block(std::span<const float> v, std::span<const std::uint32_t> peaks,
                   std::uint32_t base, std::uint32_t threshold, Collected& into) {
  if (into.clear_from == Collected::kClearsNothing) {
    collect_into<false>(v, peaks, base, threshold, into);
  } else {
    collect_into<true>(v, peaks, base, threshold, into);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
constexpr std::size_t kPrefetchAhead = 12;  // groups that are prefetched while one is read

HWY_EXPORT(collect_block);

void collect(std::span<const float> v, std::span<const std::uint32_t> peaks, std::uint32_t base,
             std::uint32_t threshold, Collected& into) {
  if (threshold > kLargestMagnitude) return;
  for (std::size_t at = 0; at < v.size(); at += kBlock) {
    const std::size_t n = std::min<std::size_t>(kBlock, v.size() - at);
    HWY_DYNAMIC_DISPATCH(collect_block)
    (v.subspan(at, n), peaks.subspan(peaks_for(at), peaks_for(n)),
     base + static_cast<std::uint32_t>(at), threshold, into);
  }
}

void collect(std::span<const float> v, std::uint32_t base, std::uint32_t threshold,
             Collected& into) {
  std::array<std::uint32_t, peaks_for(kBlock)> peaks;
  for (std::size_t at = 0; at < v.size(); at += kBlock) {
    const auto part = v.subspan(at, std::min<std::size_t>(kBlock, v.size() - at));
    peaks_of(part.data(), part.size(), peaks.data());
    collect(part, peaks, base + static_cast<std::uint32_t>(at), threshold, into);
  }
}

void sample_magnitudes(const Row& row, const Feedback& f, const SampleLayout& layout,
                       std::span<float> into) {
  const float scale = row.scale == nullptr ? 1.0f : *row.scale;
  const bool has_u = f.keeps_velocity();
  const bool reads_u = f.uu != 0 && row.u_in != nullptr, reads_e = f.ve != 0 && row.e_in != nullptr;
  std::size_t place = layout.start, next = 0;
  for (float& sample : into) {
    const std::size_t i = place + next;
    const float g = scale * row.grad[i];
    const float u_in = reads_u ? row.u_in[i] : 0.0f;
    const float e_in = reads_e ? row.e_in[i] : 0.0f;
    const float u = (f.uu != 0 ? f.uu * u_in : kNoTerm) + (f.ug != 0 ? f.ug * g : kNoTerm);
    const float v = ((has_u && f.vu != 0 ? f.vu * u : kNoTerm) + (f.vg != 0 ? f.vg * g : kNoTerm)) +
                    (f.ve != 0 ? f.ve * e_in : kNoTerm);
    sample = std::bit_cast<float>(magnitude(v));
    if (++next == layout.group) {
      next = 0;
      const std::size_t ahead = place + kPrefetchAhead * layout.stride;
      if (ahead < row.n) {
        __builtin_prefetch(row.grad + ahead);
        if (reads_e) __builtin_prefetch(row.e_in + ahead);
        if (reads_u) __builtin_prefetch(row.u_in + ahead);
      }
      place += layout.stride;
    }
  }
}

}  // namespace terse::kernels
#endif
