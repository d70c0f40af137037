#include "terse/compressors/kernels/fold.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "terse/base/error.h"
#include "terse/compressors/kernels/dispatch.h"

namespace terse::kernels {

struct Coefficients {
  float scale, uu, ug, vu, vg, ve;
  bool has_ug, has_vu, has_vg;
};

namespace {

constexpr std::array<float, kBlock> filled(float value) {
  std::array<float, kBlock> block{};
  block.fill(value);
  return block;
}

// Memory that is not there reads as zeros. A term that is left out is -0, the one number that
// changes no sum.
constexpr float kNothing = -0.0f;
alignas(64) constexpr std::array<float, kBlock> kZeros = filled(0.0f);
alignas(64) constexpr std::array<float, kBlock> kNothings = filled(kNothing);

TERSE_INLINE std::uint32_t magnitude(float x) {
  return std::bit_cast<std::uint32_t>(x) & 0x7fffffffu;
}

template <Shape kShape>
TERSE_INLINE std::uint32_t fold_body(const Coefficients& given, const float* grad,
                                     const float* u_in, const float* e_in, float* u_out, float* v,
                                     std::size_t n) {
  const Coefficients c = given;
  std::uint32_t peak = 0;
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) {
    const float g = c.scale * grad[i];
    float x;
    if constexpr (kShape == Shape::none) {
      x = g;
    } else if constexpr (kShape == Shape::classic) {
      x = g + e_in[i];
    } else if constexpr (kShape == Shape::dgc) {
      const float u = c.uu * u_in[i] + c.ug * g;
      u_out[i] = u;
      x = (u + (c.has_vg ? g : kNothing)) + e_in[i];
    } else {
      const float u = c.uu * u_in[i] + (c.has_ug ? c.ug * g : kNothing);
      u_out[i] = u;
      x = ((c.has_vu ? c.vu * u : kNothing) + (c.has_vg ? c.vg * g : kNothing)) + c.ve * e_in[i];
    }
    v[i] = x;
    peak = std::max(peak, magnitude(x));
  }
  return peak;
}

}  // namespace

TERSE_KERNEL std::uint32_t peak_of(const float* v, std::size_t n) {
  std::uint32_t peak = 0;
  for (std::size_t i = 0; i < n; ++i) peak = std::max(peak, magnitude(v[i]));
  return peak;
}

TERSE_KERNEL std::uint32_t fold_none(const Coefficients& c, const float* grad, const float* u,
                                     const float* e, float* u_out, float* v, std::size_t n) {
  return fold_body<Shape::none>(c, grad, u, e, u_out, v, n);
}
TERSE_KERNEL std::uint32_t fold_classic(const Coefficients& c, const float* grad, const float* u,
                                        const float* e, float* u_out, float* v, std::size_t n) {
  return fold_body<Shape::classic>(c, grad, u, e, u_out, v, n);
}
TERSE_KERNEL std::uint32_t fold_dgc(const Coefficients& c, const float* grad, const float* u,
                                    const float* e, float* u_out, float* v, std::size_t n) {
  return fold_body<Shape::dgc>(c, grad, u, e, u_out, v, n);
}
TERSE_KERNEL std::uint32_t fold_general(const Coefficients& c, const float* grad, const float* u,
                                        const float* e, float* u_out, float* v, std::size_t n) {
  return fold_body<Shape::general>(c, grad, u, e, u_out, v, n);
}

TERSE_KERNEL void keep_difference(const float* v, const float* dec, float* e_out, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) e_out[i] = v[i] - dec[i];
}

TERSE_KERNEL void keep_general(float ev, bool has_ev, float ee, float ed, const float* v,
                               const float* e_in, const float* dec, float* e_out, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) {
    e_out[i] = ((has_ev ? ev * v[i] : kNothing) + ee * e_in[i]) + ed * dec[i];
  }
}

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
    peak_ = std::max(peak_, peak_of(grad.data(), grad.size()));
    return grad;
  }
  for (std::uint32_t done = 0; done < into.size(); done += kBlock) {
    run_block(at + done, into.subspan(done, std::min<std::size_t>(kBlock, into.size() - done)));
  }
  return into;
}

void Fold::run_block(std::uint32_t at, std::span<float> into) {
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
  peak_ = std::max(peak_, fold(c, grad, u_in, e_in, u_out, into.data(), into.size()));
}

void Fold::keep(std::uint32_t at, std::span<const float> v, const float* dec) const {
  const Feedback& f = feedback_;
  if (f.ev == 1 && f.ee == 0 && f.ed == -1) {
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
