#include "terse/compressors/kernels/cpu/fold.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "terse/base/error.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/fold_loops.h"

namespace terse::kernels {

namespace {

constexpr std::array<float, kBlock> filled(float value) {
  std::array<float, kBlock> block{};
  block.fill(value);
  return block;
}

// Absent memory reads as zeros; a term that is left out reads as kNoTerm.
alignas(64) constexpr std::array<float, kBlock> kZeros = filled(0.0f);
alignas(64) constexpr std::array<float, kBlock> kNoTerms = filled(kNoTerm);

}  // namespace

FoldKind fold_kind_of(const Feedback& f) {
  if (!f.keeps_velocity()) {
    if (f.vu != 0 || f.vg != 1) return FoldKind::general;
    if (f.ve == 0) return FoldKind::none;
    return f.ve == 1 ? FoldKind::classic : FoldKind::general;
  }
  const bool dgc = f.uu != 0 && f.ug != 0 && f.vu == 1 && (f.vg == 0 || f.vg == 1) && f.ve == 1;
  return dgc ? FoldKind::dgc : FoldKind::general;
}

Fold::Fold(const Row& row, const Feedback& feedback)
    : Fold(row, feedback, fold_kind_of(feedback)) {}

Fold::Fold(const Row& row, const Feedback& feedback, FoldKind kind)
    : row_(row),
      feedback_(feedback),
      kind_(kind),
      scale_(row.scale == nullptr ? 1.0f : *row.scale) {
  if (feedback.keeps_velocity() && row.u_out == nullptr && row.n > 0) {
    fail("a row of {} elements keeps a velocity and was given no memory for it.", row.n);
  }
}

std::span<const float> Fold::run(std::uint32_t at, std::span<float> into) {
  if (in_place()) {
    const std::span<const float> grad(row_.grad + at, into.size());
    const std::uint32_t peak = tracked_ == Tracked::peaks
                                   ? peaks_of(grad.data(), grad.size(), summaries_.data())
                                   : peak_of(grad.data(), grad.size());
    peak_ = std::max(peak_, peak);
    return grad;
  }
  for (std::uint32_t done = 0; done < into.size(); done += kBlock) {
    const auto part = into.subspan(done, std::min<std::size_t>(kBlock, into.size() - done));
    run_block(at + done, part, tracked_ == Tracked::peaks ? peaks_for(done) : 0);
  }
  return into;
}

void Fold::run_block(std::uint32_t at, std::span<float> into, std::size_t summary) {
  const Feedback& f = feedback_;
  const bool has_u = f.keeps_velocity();
  Coefficients c{.scale = scale_,
                 .uu = f.uu,
                 .ug = f.ug,
                 .vu = f.vu,
                 .vg = f.vg,
                 .ve = f.ve,
                 .has_ug = f.ug != 0,
                 .has_vu = has_u && f.vu != 0,
                 .has_vg = f.vg != 0};
  alignas(64) std::array<float, kBlock> unused;
  FoldBlock block{.grad = row_.grad + at,
                  .u_in = row_.u_in == nullptr ? kZeros.data() : row_.u_in + at,
                  .e_in = row_.e_in == nullptr ? kZeros.data() : row_.e_in + at,
                  .u_out = has_u ? row_.u_out + at : unused.data(),
                  .v = into.data(),
                  .n = into.size()};
  if (f.uu == 0) c.uu = 1, block.u_in = kNoTerms.data();
  if (f.ve == 0) c.ve = 1, block.e_in = kNoTerms.data();

  const auto fold = kind_ == FoldKind::none      ? fold_none
                    : kind_ == FoldKind::classic ? fold_classic
                    : kind_ == FoldKind::dgc     ? fold_dgc
                                                 : fold_general;
  const Summary summary_kind = tracked_ == Tracked::ranges ? Summary::extremes : Summary::peaks;
  peak_ = std::max(peak_, fold(c, block, summary_kind, summaries_.data() + summary));
}

Range Fold::range(std::size_t begin, std::span<const float> part) const {
  if (tracked_ == Tracked::ranges && !in_place()) {
    const std::size_t stretches = (part.size() + kStretch - 1) / kStretch;
    const Extremes found =
        extremes_of(summaries_.data() + begin / kStretch * 2 * kPeakLanes, stretches);
    if (found.known()) return {std::bit_cast<float>(found.low), std::bit_cast<float>(found.high)};
  }
  return range_of(part.data(), part.size());
}

void Fold::write_residual(std::uint32_t at, std::span<const float> v, const float* dec) const {
  const Feedback& f = feedback_;
  if (residual_is_difference()) {
    write_difference(v.data(), dec, row_.e_out + at, v.size());
    return;
  }
  for (std::size_t done = 0; done < v.size(); done += kBlock) {
    const float* e_in = row_.e_in == nullptr ? kZeros.data() : row_.e_in + at + done;
    const float* sent = dec + done;
    float ee = f.ee, ed = f.ed;
    if (ee == 0) ee = 1, e_in = kNoTerms.data();
    if (ed == 0) ed = 1, sent = kNoTerms.data();
    kernels::write_residual({.ev = f.ev, .ee = ee, .ed = ed, .has_ev = f.ev != 0}, v.data() + done,
                            e_in, sent, row_.e_out + at + done,
                            std::min<std::size_t>(kBlock, v.size() - done));
  }
}

void Fold::clear(std::uint32_t at, std::uint32_t count) const {
  if (feedback_.clear_velocity && feedback_.keeps_velocity())
    std::fill_n(row_.u_out + at, count, 0.0f);
}

}  // namespace terse::kernels
