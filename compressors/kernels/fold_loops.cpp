#include "terse/compressors/kernels/fold_loops.h"

#include <algorithm>
#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/fold_loops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/compressors/kernels/dispatch.h"
#include "terse/compressors/kernels/fold.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

TERSE_INLINE std::uint32_t magnitude_bits(float x) {
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
    peak = std::max(peak, magnitude_bits(x));
  }
  return peak;
}

std::uint32_t fold_none(const Coefficients& c, const float* grad, const float* u, const float* e,
                        float* u_out, float* v, std::size_t n) {
  return fold_body<Shape::none>(c, grad, u, e, u_out, v, n);
}
std::uint32_t fold_classic(const Coefficients& c, const float* grad, const float* u, const float* e,
                           float* u_out, float* v, std::size_t n) {
  return fold_body<Shape::classic>(c, grad, u, e, u_out, v, n);
}
std::uint32_t fold_dgc(const Coefficients& c, const float* grad, const float* u, const float* e,
                       float* u_out, float* v, std::size_t n) {
  return fold_body<Shape::dgc>(c, grad, u, e, u_out, v, n);
}
std::uint32_t fold_general(const Coefficients& c, const float* grad, const float* u, const float* e,
                           float* u_out, float* v, std::size_t n) {
  return fold_body<Shape::general>(c, grad, u, e, u_out, v, n);
}

std::uint32_t peak_of(const float* v, std::size_t n) {
  std::uint32_t peak = 0;
  for (std::size_t i = 0; i < n; ++i) peak = std::max(peak, magnitude_bits(v[i]));
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
HWY_EXPORT(peak_of);
HWY_EXPORT(keep_difference);
HWY_EXPORT(keep_general);

std::uint32_t fold_none(const Coefficients& c, const float* grad, const float* u, const float* e,
                        float* u_out, float* v, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(fold_none)(c, grad, u, e, u_out, v, n);
}
std::uint32_t fold_classic(const Coefficients& c, const float* grad, const float* u, const float* e,
                           float* u_out, float* v, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(fold_classic)(c, grad, u, e, u_out, v, n);
}
std::uint32_t fold_dgc(const Coefficients& c, const float* grad, const float* u, const float* e,
                       float* u_out, float* v, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(fold_dgc)(c, grad, u, e, u_out, v, n);
}
std::uint32_t fold_general(const Coefficients& c, const float* grad, const float* u, const float* e,
                           float* u_out, float* v, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(fold_general)(c, grad, u, e, u_out, v, n);
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
