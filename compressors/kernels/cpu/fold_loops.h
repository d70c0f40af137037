// The loops of the fold over one block (fold.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace terse::kernels {

struct Coefficients {
  float scale, uu, ug, vu, vg, ve;
  bool has_ug, has_vu, has_vg;
};

// The value of a term that is left out: adding -0 changes no sum.
inline constexpr float kNoTerm = -0.0f;

// Inputs and outputs of one block of n elements.
struct FoldBlock {
  const float *grad, *u_in, *e_in;
  float *u_out, *v;
  std::size_t n;
};

// How a fold summarizes each stretch of v: by its peaks (fold.h), or by its extremes, which take
// twice as many words.
enum class Summary { peaks, extremes };

// Returns the largest |v| as the bits of a float.
using FoldLoop = std::uint32_t(const Coefficients& coefficients, const FoldBlock& block,
                               Summary summary, std::uint32_t* summaries);

FoldLoop fold_none, fold_classic, fold_dgc, fold_general;

// The largest and the smallest number of some stretches, as bits, from their extremes. They are
// known if one number is above zero and one below.
struct Extremes {
  std::uint32_t high, low;

  bool known() const { return high > 0 && low > 0x80000000u; }
};
Extremes extremes_of(const std::uint32_t* summaries, std::size_t stretches);

// e_out = v - dec.
void write_difference(const float* v, const float* dec, float* e_out, std::size_t n);

// e_out = (ev v + ee e_in) + ed dec; without ev, its term is left out.
struct ResidualTerms {
  float ev, ee, ed;
  bool has_ev;
};
void write_residual(const ResidualTerms& terms, const float* v, const float* e_in, const float* dec,
                    float* e_out, std::size_t n);

}  // namespace terse::kernels
