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

// What is noted of a stretch, and the largest magnitude of all stretches so far; at(i) gives the
// bits of a vector of elements from i on. By hand, as compilers make no maxima of their own out of
// several rows.
template <class Ints>
struct PeakNotes {
  static constexpr std::size_t kWords = kPeakLanes;
  using Vec = hn::Vec<Ints>;
  Vec all, largest;

  template <class At>
  TERSE_INLINE void note(std::size_t i, std::uint32_t* into, At&& at) {
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
TERSE_INLINE PeakNotes<Ints> no_peaks(Ints ints) {
  return {hn::Set(ints, 0x7fffffff), hn::Zero(ints)};
}

// As integers with a sign, numbers above zero come last and in order; as those without, numbers
// below zero do, the least one last.
template <class Ints>
struct ExtremeNotes {
  static constexpr std::size_t kWords = 2 * kPeakLanes;
  using Unsigned = hn::RebindToUnsigned<Ints>;
  hn::Vec<Ints> highest;
  hn::Vec<Unsigned> lowest;

  template <class At>
  TERSE_INLINE void note(std::size_t i, std::uint32_t* into, At&& at) {
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
TERSE_INLINE ExtremeNotes<Ints> no_extremes(Ints ints) {
  return {hn::Zero(ints), hn::Zero(hn::RebindToUnsigned<Ints>())};
}

template <Shape kShape, class Notes>
TERSE_INLINE void fold_stretches(const Coefficients& c, const float* grad, const float* u_in,
                                 const float* e_in, float* u_out, float* v, std::size_t n,
                                 Notes& notes, std::uint32_t* noted) {
  const hn::CappedTag<float, kPeakLanes> floats;
  const hn::RebindToSigned<decltype(floats)> ints;
  using Floats = hn::Vec<decltype(floats)>;
  const Floats scale = hn::Set(floats, c.scale), nothing = hn::Set(floats, kNothing),
               uu = hn::Set(floats, c.uu), ug = hn::Set(floats, c.ug), vu = hn::Set(floats, c.vu),
               vg = hn::Set(floats, c.vg), ve = hn::Set(floats, c.ve);
  const bool has_ug = c.has_ug, has_vu = c.has_vu, has_vg = c.has_vg;
  const auto fold = [&](std::size_t i) HWY_ATTR {
    const Floats g = hn::Mul(scale, hn::LoadU(floats, grad + i));
    Floats x;
    if constexpr (kShape == Shape::none) {
      x = g;
    } else if constexpr (kShape == Shape::classic) {
      x = hn::Add(g, hn::LoadU(floats, e_in + i));
    } else {
      const Floats u =
          hn::Add(hn::Mul(uu, hn::LoadU(floats, u_in + i)), has_ug ? hn::Mul(ug, g) : nothing);
      const Floats e = hn::LoadU(floats, e_in + i);
      hn::StoreU(u, floats, u_out + i);
      if constexpr (kShape == Shape::dgc) {
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
  for (std::size_t i = 0; i < n; i += kStretch, noted += Notes::kWords) notes.note(i, noted, fold);
}

// Elements that fill no stretch are folded in one that zeros fill up.
template <Shape kShape, class Notes>
TERSE_INLINE std::uint32_t fold_noting(const Coefficients& c, const float* grad, const float* u_in,
                                       const float* e_in, float* u_out, float* v, std::size_t n,
                                       Notes notes, std::uint32_t* noted) {
  const std::size_t whole = n / kStretch * kStretch, rest = n - whole;
  fold_stretches<kShape>(c, grad, u_in, e_in, u_out, v, whole, notes, noted);
  if (rest == 0) return notes.peak();
  alignas(64) float padded[5][kStretch] = {};
  std::copy_n(grad + whole, rest, padded[0]);
  std::copy_n(u_in + whole, rest, padded[1]);
  std::copy_n(e_in + whole, rest, padded[2]);
  fold_stretches<kShape>(c, padded[0], padded[1], padded[2], padded[3], padded[4], kStretch, notes,
                         noted + whole / kStretch * Notes::kWords);
  if constexpr (kShape == Shape::dgc || kShape == Shape::general)
    std::copy_n(padded[3], rest, u_out + whole);
  std::copy_n(padded[4], rest, v + whole);
  return notes.peak();
}

template <Shape kShape>
TERSE_INLINE std::uint32_t fold_body(const Coefficients& c, const float* grad, const float* u_in,
                                     const float* e_in, float* u_out, float* v, std::size_t n,
                                     Note note, std::uint32_t* noted) {
  const hn::CappedTag<std::int32_t, kPeakLanes> ints;
  if (note == Note::peaks)
    return fold_noting<kShape>(c, grad, u_in, e_in, u_out, v, n, no_peaks(ints), noted);
  return fold_noting<kShape>(c, grad, u_in, e_in, u_out, v, n, no_extremes(ints), noted);
}

#define TERSE_FOLD(name, shape)                                                                \
  std::uint32_t name(const Coefficients& c, const float* grad, const float* u, const float* e, \
                     float* u_out, float* v, std::size_t n, Note note, std::uint32_t* noted) { \
    return fold_body<Shape::shape>(c, grad, u, e, u_out, v, n, note, noted);                   \
  }
TERSE_FOLD(fold_none, none)
TERSE_FOLD(fold_classic, classic)
TERSE_FOLD(fold_dgc, dgc)
TERSE_FOLD(fold_general, general)
#undef TERSE_FOLD

std::uint32_t peaks_of(const float* v, std::size_t n, std::uint32_t* peaks) {
  const hn::CappedTag<std::int32_t, kPeakLanes> ints;
  auto notes = no_peaks(ints);
  const auto note = [&](const float* from, std::uint32_t* into) HWY_ATTR {
    notes.note(0, into, [&](std::size_t i) HWY_ATTR {
      return hn::LoadU(ints, reinterpret_cast<const std::int32_t*>(from + i));
    });
  };
  std::size_t i = 0;
  for (; i + kStretch <= n; i += kStretch, peaks += kPeakLanes) note(v + i, peaks);
  if (i < n) {
    alignas(64) float padded[kStretch] = {};
    std::copy_n(v + i, n - i, padded);
    note(padded, peaks);
  }
  return notes.peak();
}

Extremes extremes_of(const std::uint32_t* noted, std::size_t stretches) {
  const hn::CappedTag<std::int32_t, kPeakLanes> ints;
  const hn::RebindToUnsigned<decltype(ints)> words;
  auto highest = hn::Zero(ints);
  auto lowest = hn::Zero(words);
  for (const auto* const end = noted + stretches * 2 * kPeakLanes; noted != end;
       noted += 2 * kPeakLanes) {
    for (std::size_t lane = 0; lane < kPeakLanes; lane += hn::Lanes(ints)) {
      highest =
          hn::Max(highest, hn::LoadU(ints, reinterpret_cast<const std::int32_t*>(noted + lane)));
      lowest = hn::Max(lowest, hn::LoadU(words, noted + kPeakLanes + lane));
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

void keep_difference(const float* v, const float* dec, float* e_out, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) e_out[i] = v[i] - dec[i];
}

void keep_general(float ev, bool has_ev, float ee, float ed, const float* v, const float* e_in,
                  const float* dec, float* e_out, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) {
    e_out[i] = ((has_ev ? ev * v[i] : kNothing) + ee * e_in[i]) + ed * dec[i];
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
HWY_EXPORT(keep_difference);
HWY_EXPORT(keep_general);

#define TERSE_FOLD(name)                                                                       \
  std::uint32_t name(const Coefficients& c, const float* grad, const float* u, const float* e, \
                     float* u_out, float* v, std::size_t n, Note note, std::uint32_t* noted) { \
    return HWY_DYNAMIC_DISPATCH(name)(c, grad, u, e, u_out, v, n, note, noted);                \
  }
TERSE_FOLD(fold_none)
TERSE_FOLD(fold_classic)
TERSE_FOLD(fold_dgc)
TERSE_FOLD(fold_general)
#undef TERSE_FOLD

Extremes extremes_of(const std::uint32_t* noted, std::size_t stretches) {
  return HWY_DYNAMIC_DISPATCH(extremes_of)(noted, stretches);
}
std::uint32_t peaks_of(const float* v, std::size_t n, std::uint32_t* peaks) {
  return HWY_DYNAMIC_DISPATCH(peaks_of)(v, n, peaks);
}
std::uint32_t peak_of(const float* v, std::size_t n) { return HWY_DYNAMIC_DISPATCH(peak_of)(v, n); }

void keep_difference(const float* v, const float* dec, float* e_out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(keep_difference)(v, dec, e_out, n);
}
void keep_general(float ev, bool has_ev, float ee, float ed, const float* v, const float* e_in,
                  const float* dec, float* e_out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(keep_general)(ev, has_ev, ee, ed, v, e_in, dec, e_out, n);
}

}  // namespace terse::kernels
#endif
