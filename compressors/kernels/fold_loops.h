// The loops of the fold over one block (fold.h says what they compute).
#pragma once

#include <cstddef>
#include <cstdint>

namespace terse::kernels {

struct Coefficients {
  float scale, uu, ug, vu, vg, ve;
  bool has_ug, has_vu, has_vg;
};

// A term that is left out is -0, the one number that changes no sum.
inline constexpr float kNothing = -0.0f;

// Writes the peaks of v (fold.h) and returns the largest of them.
using FoldLoop = std::uint32_t(const Coefficients&, const float* grad, const float* u_in,
                               const float* e_in, float* u_out, float* v, std::size_t n,
                               std::uint32_t* peaks);

FoldLoop fold_none, fold_classic, fold_dgc, fold_general;

void keep_difference(const float* v, const float* dec, float* e_out, std::size_t n);
void keep_general(float ev, bool has_ev, float ee, float ed, const float* v, const float* e_in,
                  const float* dec, float* e_out, std::size_t n);

}  // namespace terse::kernels
