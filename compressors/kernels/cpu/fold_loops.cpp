#include "terse/compressors/kernels/cpu/fold_loops.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/cpu/fold_loops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/select/select.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kRows = kStretch / kPeakLanes;

// Writes the peaks of a stretch and tracks the largest magnitude of all stretches; at(i) gives the
// bits of the vector of elements from i on. Written by hand, as compilers do not turn maxima over
// several rows into vector code.
template <class Ints>
struct PeakTracker {
  static constexpr std::size_t kWords = kPeakLanes;
  using Vec = hn::Vec<Ints>;
  Vec all, largest;

  template <class At>
  TERSE_INLINE void add(std::size_t i, std::uint32_t* into, At&& at) {
    const Ints ints;
    for (std::size_t lane = 0; lane < kPeakLanes; lane += hn::Lanes(ints)) {
      Vec peak = hn::And(at(i + lane), all);
      for (std::size_t row = 1; row < kRows; ++row)
        peak = hn::Max(peak, hn::And(at(i + row * kPeakLanes + lane), all));
      hn::StoreU(peak, ints, reinterpret_cast<std::int32_t*>(into + lane));
      largest = hn::Max(largest, peak);
    }
  }
  TERSE_INLINE std::uint32_t peak() const {
    return static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(Ints(), largest)));
  }
};

template <class Ints>
TERSE_INLINE PeakTracker<Ints> peak_tracker(Ints ints) {
  return {hn::Set(ints, 0x7fffffff), hn::Zero(ints)};
}

// Extremes of the bits: as signed integers, positive numbers come last and in order; as unsigned
// integers, negative numbers do, the smallest one last.
template <class Ints>
struct ExtremeTracker {
  static constexpr std::size_t kWords = 2 * kPeakLanes;
  using Unsigned = hn::RebindToUnsigned<Ints>;
  hn::Vec<Ints> highest;
  hn::Vec<Unsigned> lowest;

  template <class At>
  TERSE_INLINE void add(std::size_t i, std::uint32_t* into, At&& at) {
    const Ints ints;
    const Unsigned words;
    for (std::size_t lane = 0; lane < kPeakLanes; lane += hn::Lanes(ints)) {
      hn::Vec<Ints> high = at(i + lane);
      hn::Vec<Unsigned> low = hn::BitCast(words, high);
      for (std::size_t row = 1; row < kRows; ++row) {
        const hn::Vec<Ints> bits = at(i + row * kPeakLanes + lane);
        high = hn::Max(high, bits);
        low = hn::Max(low, hn::BitCast(words, bits));
      }
      hn::StoreU(hn::BitCast(words, high), words, into + lane);
      hn::StoreU(low, words, into + kPeakLanes + lane);
      highest = hn::Max(highest, high);
      lowest = hn::Max(lowest, low);
    }
  }
  TERSE_INLINE std::uint32_t peak() const {
    const auto high = static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(Ints(), highest)));
    return std::max(high, hn::GetLane(hn::MaxOfLanes(Unsigned(), lowest)) & 0x7fffffffu);
  }
};

template <class Ints>
TERSE_INLINE ExtremeTracker<Ints> extreme_tracker(Ints ints) {
  return {hn::Zero(ints), hn::Zero(hn::RebindToUnsigned<Ints>())};
}

template <FoldKind kKind, class Tracker>
TERSE_INLINE void fold_stretches(const Coefficients& c, const FoldBlock& block, Tracker& tracker,
                                 std::uint32_t* summaries) {
  const float *const grad = block.grad, *const u_in = block.u_in, *const e_in = block.e_in;
  float *const u_out = block.u_out, *const v = block.v;
  const std::size_t n = block.n;
  const hn::CappedTag<float, kPeakLanes> floats;
  const hn::RebindToSigned<decltype(floats)> ints;
  using Floats = hn::Vec<decltype(floats)>;
  const Floats scale = hn::Set(floats, c.scale), nothing = hn::Set(floats, kNoTerm),
               uu = hn::Set(floats, c.uu), ug = hn::Set(floats, c.ug), vu = hn::Set(floats, c.vu),
               vg = hn::Set(floats, c.vg), ve = hn::Set(floats, c.ve);
  const bool has_ug = c.has_ug, has_vu = c.has_vu, has_vg = c.has_vg;
  const auto fold = [&](std::size_t i) HWY_ATTR {
    const Floats g = hn::Mul(scale, hn::LoadU(floats, grad + i));
    Floats x;
    if constexpr (kKind == FoldKind::none) {
      x = g;
    } else if constexpr (kKind == FoldKind::classic) {
      x = hn::Add(g, hn::LoadU(floats, e_in + i));
    } else {
      const Floats u =
          hn::Add(hn::Mul(uu, hn::LoadU(floats, u_in + i)), has_ug ? hn::Mul(ug, g) : nothing);
      const Floats e = hn::LoadU(floats, e_in + i);
      hn::StoreU(u, floats, u_out + i);
      if constexpr (kKind == FoldKind::dgc) {
        x = hn::Add(hn::Add(u, has_vg ? g : nothing), e);
      } else {
        const Floats by_u = has_vu ? hn::Mul(vu, u) : nothing,
                     by_g = has_vg ? hn::Mul(vg, g) : nothing;
        x = hn::Add(hn::Add(by_u, by_g), hn::Mul(ve, e));
      }
    }
    hn::StoreU(x, floats, v + i);
    return hn::BitCast(ints, x);
  };
  for (std::size_t i = 0; i < n; i += kStretch, summaries += Tracker::kWords)
    tracker.add(i, summaries, fold);
}

// The elements after the last whole stretch are folded in one that is padded with zeros.
template <FoldKind kKind, class Tracker>
TERSE_INLINE std::uint32_t fold_tracking(const Coefficients& c, const FoldBlock& block,
                                         Tracker tracker, std::uint32_t* summaries) {
  const std::size_t whole = block.n / kStretch * kStretch, rest = block.n - whole;
  FoldBlock stretches = block;
  stretches.n = whole;
  fold_stretches<kKind>(c, stretches, tracker, summaries);
  if (rest == 0) return tracker.peak();
  alignas(64) float padded[5][kStretch] = {};
  std::copy_n(block.grad + whole, rest, padded[0]);
  std::copy_n(block.u_in + whole, rest, padded[1]);
  std::copy_n(block.e_in + whole, rest, padded[2]);
  const FoldBlock last{.grad = padded[0],
                       .u_in = padded[1],
                       .e_in = padded[2],
                       .u_out = padded[3],
                       .v = padded[4],
                       .n = kStretch};
  fold_stretches<kKind>(c, last, tracker, summaries + whole / kStretch * Tracker::kWords);
  if constexpr (kKind == FoldKind::dgc || kKind == FoldKind::general)
    std::copy_n(padded[3], rest, block.u_out + whole);
  std::copy_n(padded[4], rest, block.v + whole);
  return tracker.peak();
}

template <FoldKind kKind>
TERSE_INLINE std::uint32_t fold_body(const Coefficients& c, const FoldBlock& block, Summary summary,
                                     std::uint32_t* summaries) {
  const hn::CappedTag<std::int32_t, kPeakLanes> ints;
  if (summary == Summary::peaks)
    return fold_tracking<kKind>(c, block, peak_tracker(ints), summaries);
  return fold_tracking<kKind>(c, block, extreme_tracker(ints), summaries);
}

std::uint32_t fold_none(const Coefficients& c, const FoldBlock& block, Summary summary,
                        std::uint32_t* summaries) {
  return fold_body<FoldKind::none>(c, block, summary, summaries);
}
std::uint32_t fold_classic(const Coefficients& c, const FoldBlock& block, Summary summary,
                           std::uint32_t* summaries) {
  return fold_body<FoldKind::classic>(c, block, summary, summaries);
}
std::uint32_t fold_dgc(const Coefficients& c, const FoldBlock& block, Summary summary,
                       std::uint32_t* summaries) {
  return fold_body<FoldKind::dgc>(c, block, summary, summaries);
}
std::uint32_t fold_general(const Coefficients& c, const FoldBlock& block, Summary summary,
                           std::uint32_t* summaries) {
  return fold_body<FoldKind::general>(c, block, summary, summaries);
}

std::uint32_t peaks_of(const float* v, std::size_t n, std::uint32_t* peaks) {
  const hn::CappedTag<std::int32_t, kPeakLanes> ints;
  auto tracker = peak_tracker(ints);
  const auto add = [&](const float* from, std::uint32_t* into) HWY_ATTR {
    tracker.add(0, into, [&](std::size_t i) HWY_ATTR {
      return hn::LoadU(ints, reinterpret_cast<const std::int32_t*>(from + i));
    });
  };
  std::size_t i = 0;
  for (; i + kStretch <= n; i += kStretch, peaks += kPeakLanes) add(v + i, peaks);
  if (i < n) {
    alignas(64) float padded[kStretch] = {};
    std::copy_n(v + i, n - i, padded);
    add(padded, peaks);
  }
  return tracker.peak();
}

Extremes extremes_of(const std::uint32_t* summaries, std::size_t stretches) {
  const hn::CappedTag<std::int32_t, kPeakLanes> ints;
  const hn::RebindToUnsigned<decltype(ints)> words;
  auto highest = hn::Zero(ints);
  auto lowest = hn::Zero(words);
  for (const auto* const end = summaries + stretches * 2 * kPeakLanes; summaries != end;
       summaries += 2 * kPeakLanes) {
    for (std::size_t lane = 0; lane < kPeakLanes; lane += hn::Lanes(ints)) {
      highest = hn::Max(highest,
                        hn::LoadU(ints, reinterpret_cast<const std::int32_t*>(summaries + lane)));
      lowest = hn::Max(lowest, hn::LoadU(words, summaries + kPeakLanes + lane));
    }
  }
  return {static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(ints, highest))),
          hn::GetLane(hn::MaxOfLanes(words, lowest))};
}

std::uint32_t peak_of(const float* v, std::size_t n) {
  std::uint32_t peak = 0;
  for (std::size_t i = 0; i < n; ++i) peak = std::max(peak, magnitude(v[i]));
  return peak;
}

void write_difference(const float* v, const float* dec, float* e_out, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) e_out[i] = v[i] - dec[i];
}

void write_residual(const ResidualTerms& terms, const float* v, const float* e_in, const float* dec,
                    float* e_out, std::size_t n) {
  const auto [ev, ee, ed, has_ev] = terms;
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) {
    e_out[i] = ((has_ev ? ev * v[i] : kNoTerm) + ee * e_in[i]) + ed * dec[i];
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {

HWY_EXPORT(fold_none);
HWY_EXPORT(fold_classic);
HWY_EXPORT(fold_dgc);
HWY_EXPORT(fold_general);
HWY_EXPORT(peaks_of);
HWY_EXPORT(extremes_of);
HWY_EXPORT(peak_of);
HWY_EXPORT(write_difference);
HWY_EXPORT(write_residual);

std::uint32_t fold_none(const Coefficients& c, const FoldBlock& block, Summary summary,
                        std::uint32_t* summaries) {
  return HWY_DYNAMIC_DISPATCH(fold_none)(c, block, summary, summaries);
}
std::uint32_t fold_classic(const Coefficients& c, const FoldBlock& block, Summary summary,
                           std::uint32_t* summaries) {
  return HWY_DYNAMIC_DISPATCH(fold_classic)(c, block, summary, summaries);
}
std::uint32_t fold_dgc(const Coefficients& c, const FoldBlock& block, Summary summary,
                       std::uint32_t* summaries) {
  return HWY_DYNAMIC_DISPATCH(fold_dgc)(c, block, summary, summaries);
}
std::uint32_t fold_general(const Coefficients& c, const FoldBlock& block, Summary summary,
                           std::uint32_t* summaries) {
  return HWY_DYNAMIC_DISPATCH(fold_general)(c, block, summary, summaries);
}

Extremes extremes_of(const std::uint32_t* summaries, std::size_t stretches) {
  return HWY_DYNAMIC_DISPATCH(extremes_of)(summaries, stretches);
}
std::uint32_t peaks_of(const float* v, std::size_t n, std::uint32_t* peaks) {
  return HWY_DYNAMIC_DISPATCH(peaks_of)(v, n, peaks);
}
std::uint32_t peak_of(const float* v, std::size_t n) { return HWY_DYNAMIC_DISPATCH(peak_of)(v, n); }

void write_difference(const float* v, const float* dec, float* e_out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(write_difference)(v, dec, e_out, n);
}
void write_residual(const ResidualTerms& terms, const float* v, const float* e_in, const float* dec,
                    float* e_out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(write_residual)(terms, v, e_in, dec, e_out, n);
}

}  // namespace terse::kernels
#endif
