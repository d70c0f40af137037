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

// Memory that is not there reads as zeros, terms that are left out as nothing.
alignas(64) constexpr std::array<float, kBlock> kZeros = filled(0.0f);
alignas(64) constexpr std::array<float, kBlock> kNothings = filled(kNothing);

}  // namespace

Shape shape_of(const Feedback& f) {
  if (!f.keeps_velocity()) {
    if (f.vu != 0 || f.vg != 1) return Shape::general;
    if (f.ve == 0) return Shape::none;
    return f.ve == 1 ? Shape::classic : Shape::general;
  }
  const bool dgc = f.uu != 0 && f.ug != 0 && f.vu == 1 && (f.vg == 0 || f.vg == 1) && f.ve == 1;
  return dgc ? Shape::dgc : Shape::general;
}

Fold::Fold(const Row& row, const Feedback& feedback) : Fold(row, feedback, shape_of(feedback)) {}

Fold::Fold(const Row& row, const Feedback& feedback, Shape shape)
    : row_(row),
      feedback_(feedback),
      shape_(shape),
      scale_(row.scale == nullptr ? 1.0f : *row.scale) {
  if (feedback.keeps_velocity() && row.u_out == nullptr && row.n > 0) {
    fail("a row of {} elements keeps a velocity and was given no memory for it.", row.n);
  }
}

std::span<const float> Fold::run(std::uint32_t at, std::span<float> into) {
  if (in_place()) {
    const std::span<const float> grad(row_.grad + at, into.size());
    const std::uint32_t peak = notes_ == Notes::peaks
                                   ? peaks_of(grad.data(), grad.size(), noted_.data())
                                   : peak_of(grad.data(), grad.size());
    peak_ = std::max(peak_, peak);
    return grad;
  }
  for (std::uint32_t done = 0; done < into.size(); done += kBlock) {
    const auto part = into.subspan(done, std::min<std::size_t>(kBlock, into.size() - done));
    run_block(at + done, part, notes_ == Notes::peaks ? peaks_for(done) : 0);
  }
  return into;
}

void Fold::run_block(std::uint32_t at, std::span<float> into, std::size_t word) {
  const Feedback& f = feedback_;
  const bool has_u = f.keeps_velocity();
  Coefficients c{scale_, f.uu, f.ug, f.vu, f.vg, f.ve, f.ug != 0, has_u && f.vu != 0, f.vg != 0};
  const float* u_in = row_.u_in == nullptr ? kZeros.data() : row_.u_in + at;
  const float* e_in = row_.e_in == nullptr ? kZeros.data() : row_.e_in + at;
  if (f.uu == 0) c.uu = 1, u_in = kNothings.data();
  if (f.ve == 0) c.ve = 1, e_in = kNothings.data();
  alignas(64) std::array<float, kBlock> unused;
  float* u_out = has_u ? row_.u_out + at : unused.data();
  const float* grad = row_.grad + at;

  const auto fold = shape_ == Shape::none      ? fold_none
                    : shape_ == Shape::classic ? fold_classic
                    : shape_ == Shape::dgc     ? fold_dgc
                                               : fold_general;
  const Note note = notes_ == Notes::ranges ? Note::extremes : Note::peaks;
  peak_ = std::max(peak_, fold(c, grad, u_in, e_in, u_out, into.data(), into.size(), note,
                               noted_.data() + word));
}

Range Fold::range(std::size_t begin, std::span<const float> part) const {
  if (notes_ == Notes::ranges && !in_place()) {
    const std::size_t stretches = (part.size() + kStretch - 1) / kStretch;
    const Extremes found =
        extremes_of(noted_.data() + begin / kStretch * 2 * kPeakLanes, stretches);
    if (found.known()) return {std::bit_cast<float>(found.low), std::bit_cast<float>(found.high)};
  }
  return range_of(part.data(), part.size());
}

void Fold::keep(std::uint32_t at, std::span<const float> v, const float* dec) const {
  const Feedback& f = feedback_;
  if (keeps_difference()) {
    keep_difference(v.data(), dec, row_.e_out + at, v.size());
    return;
  }
  for (std::size_t done = 0; done < v.size(); done += kBlock) {
    const float* e_in = row_.e_in == nullptr ? kZeros.data() : row_.e_in + at + done;
    const float* sent = dec + done;
    float ee = f.ee, ed = f.ed;
    if (ee == 0) ee = 1, e_in = kNothings.data();
    if (ed == 0) ed = 1, sent = kNothings.data();
    keep_general(f.ev, f.ev != 0, ee, ed, v.data() + done, e_in, sent, row_.e_out + at + done,
                 std::min<std::size_t>(kBlock, v.size() - done));
  }
}

void Fold::clear(std::uint32_t at, std::uint32_t count) const {
  if (feedback_.clear_velocity && feedback_.keeps_velocity())
    std::fill_n(row_.u_out + at, count, 0.0f);
}

}  // namespace terse::kernels
