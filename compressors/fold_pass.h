// One pass over a row for codecs that select what they send: folds the row, writes its velocity and
// its residual as if nothing were sent, and hands out v block by block.
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

// The most elements that a pass folds at a time.
inline constexpr std::uint32_t kFoldBlock = 2 * kernels::kBlock;

// Whether the residual of an element that is not sent is v itself.
inline bool residual_is_v(const Feedback& f) {
  return f.keeps_residual() && f.ev == 1 && f.ee == 0;
}

// Writes the residual as if nothing were sent.
inline void write_unsent_residual(const kernels::Fold& fold, std::uint32_t at,
                                  std::span<const float> v) {
  alignas(64) static constexpr std::array<float, kFoldBlock> kUnsent{};
  fold.write_residual(at, v, kUnsent.data());
}

// When fold_row() writes the residual. deferred: only if it is v itself; otherwise the caller does.
enum class ResidualWrite { now, deferred };

// Calls use(at, v, peaks of v (kernels/fold.h)) for each `step` <= kFoldBlock elements; `block` has
// room for as many. Returns the largest |v| as the bits of a float: all of v is finite if it is
// below kernels::kFp32Limit.
template <class Use>
std::uint32_t fold_row(const Row& row, const Feedback& feedback, std::span<float> block,
                       std::uint32_t step, ResidualWrite write, ProgressMeter& progress,
                       Use&& use) {
  const bool in_residual = residual_is_v(feedback);
  const bool writes = write == ResidualWrite::now && feedback.keeps_residual() && !in_residual;
  kernels::Fold fold(row, feedback);
  fold.track_peaks();
  for (std::uint32_t at = 0; at < row.n; at += step) {
    const std::uint32_t n = std::min(step, row.n - at);
    const std::span<float> into = in_residual ? std::span(row.e_out + at, n) : block.first(n);
    const std::span<const float> v = fold.run(at, into);
    if (in_residual && v.data() != into.data()) std::copy(v.begin(), v.end(), into.begin());
    use(at, v, fold.peaks());
    if (writes) write_unsent_residual(fold, at, v);
    progress.add(n);
  }
  return fold.peak();
}

// A row and a feedback whose fold computes the v of another row again, after that row was folded
// and before its residual was overwritten (unless the residual is v itself).
struct Refold {
  Row row;
  Feedback feedback;

  Refold(const Row& folded, const Feedback& f) : row(folded), feedback(f) {
    if (residual_is_v(f)) {
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
