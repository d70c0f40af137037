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

// What a fold notes of every stretch of v on its way (fold.h): its peaks, or its extremes, for
// which there are as many words again.
enum class Note { peaks, extremes };

// Returns the largest |v| as the bits of a float.
using FoldLoop = std::uint32_t(const Coefficients&, const float* grad, const float* u_in,
                               const float* e_in, float* u_out, float* v, std::size_t n, Note note,
                               std::uint32_t* noted);

FoldLoop fold_none, fold_classic, fold_dgc, fold_general;

// Of some stretches of which extremes were noted: the bits of the largest number and those of the
// least, if there is one above zero and one below.
struct Extremes {
  std::uint32_t high, low;

  bool known() const { return high > 0 && low > 0x80000000u; }
};
Extremes extremes_of(const std::uint32_t* noted, std::size_t stretches);

void keep_difference(const float* v, const float* dec, float* e_out, std::size_t n);
void keep_general(float ev, bool has_ev, float ee, float ed, const float* v, const float* e_in,
                  const float* dec, float* e_out, std::size_t n);

}  // namespace terse::kernels
