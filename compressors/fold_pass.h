// One pass over a row for codecs that choose what they send: it is folded, its velocity and its
// residual are written as if nothing were sent, and v is seen block by block on the way.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/quantize/half.h"
#include "terse/compressors/pass.h"

namespace terse {

// Elements that a pass folds at a time, at most.
inline constexpr std::uint32_t kFoldBlock = 2 * kernels::kBlock;

// The residual of an element that is not sent is v itself.
inline bool keeps_v(const Feedback& f) { return f.keeps_residual() && f.ev == 1 && f.ee == 0; }

// The residual as if nothing were sent.
inline void keep_unsent(const kernels::Fold& fold, std::uint32_t at, std::span<const float> v) {
  alignas(64) static constexpr std::array<float, kFoldBlock> kUnsent{};
  fold.keep(at, v, kUnsent.data());
}

enum class ResidualWrite { now, deferred };  // later: only where it is v itself

// use(at, v, the peaks of v (kernels/fold.h)) for each `step` <= kFoldBlock elements; `block` has
// room for as many. Returns the largest |v|, as the bits of a float: all of v is finite if it is
// below kernels::kFp32Limit.
template <class Use>
std::uint32_t fold_row(const Row& row, const Feedback& feedback, std::span<float> block,
                       std::uint32_t step, ResidualWrite keep, Pace& pace, Use&& use) {
  const bool in_residual = keeps_v(feedback);
  const bool keeps = keep == ResidualWrite::now && feedback.keeps_residual() && !in_residual;
  kernels::Fold fold(row, feedback);
  fold.note_peaks();
  for (std::uint32_t at = 0; at < row.n; at += step) {
    const std::uint32_t n = std::min(step, row.n - at);
    const std::span<float> into = in_residual ? std::span(row.e_out + at, n) : block.first(n);
    const std::span<const float> v = fold.run(at, into);
    if (in_residual && v.data() != into.data()) std::copy(v.begin(), v.end(), into.begin());
    use(at, v, fold.peaks());
    if (keeps) keep_unsent(fold, at, v);
    pace.worked(n);
  }
  return fold.peak();
}

// A row and a feedback whose fold gives the v of another row once more, after that one was folded
// and before its residual was written over (unless that is v itself).
struct Refold {
  Row row;
  Feedback feedback;

  Refold(const Row& folded, const Feedback& f) : row(folded), feedback(f) {
    if (keeps_v(f)) {
      row.grad = folded.e_out;
      row.scale = nullptr;
      feedback = feedback::kNone;
    } else if (f.keeps_velocity()) {
      row.u_in = folded.u_out;
      feedback.uu = 1;
      feedback.ug = 0;
    }
  }
};

}  // namespace terse
