// The fold: gradient and memory -> v, and afterwards v and its decoded value -> the new memory. One
// definition (feedback.h), compiled for four shapes whose results are equal to the bit.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "terse/compressors/feedback.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/quantize/quantize.h"
#include "terse/compressors/row.h"

namespace terse::kernels {

enum class Shape { none, classic, dgc, general };

// What `feedback` does before encoding: none: v = g; classic: v = g + e; dgc: u' = uu u + ug g, v =
// (u' [+ g]) + e.
Shape shape_of(const Feedback& feedback);

// The peaks of some values: for every stretch of them the largest magnitudes, as the bits of
// floats, of the elements whose place in it is 0, 1, ... modulo kPeakLanes. What looks for large
// values has a quarter to read; elements that are not there count as zeros.
inline constexpr std::size_t kStretch = 32, kPeakLanes = 8;
constexpr std::size_t peaks_for(std::size_t n) {
  return (n + kStretch - 1) / kStretch * kPeakLanes;
}
// Writes them, and returns the largest.
std::uint32_t peaks_of(const float* v, std::size_t n, std::uint32_t* peaks);

// One row's fold, run by run. The row's memory must outlive it; a null e_in or u_in reads as zeros.
class Fold {
 public:
  // Throws Error if `feedback` writes a velocity for which the row has no place.
  Fold(const Row& row, const Feedback& feedback);
  // The same arithmetic by the general shape, to compare with.
  Fold(const Row& row, const Feedback& feedback, Shape shape);

  // v of elements [at, at + into.size()), in `into` or, where v is the gradient itself, in place.
  // Writes the new velocity.
  std::span<const float> run(std::uint32_t at, std::span<float> into);
  // The same of a run that somebody has judged already: peak() may not know it.
  std::span<const float> rerun(std::uint32_t at, std::span<float> into) {
    return in_place() ? std::span(row_.grad + at, into.size()) : run(at, into);
  }
  // Whether v is the gradient itself.
  bool in_place() const { return shape_ == Shape::none && scale_ == 1; }
  // From now on runs note peaks and have at most 2 kBlock elements, or what range() needs, and
  // kBlock.
  void note_peaks() { notes_ = Notes::peaks; }
  void note_ranges() { notes_ = Notes::ranges; }
  // Of the last run, if they are noted.
  std::span<const std::uint32_t> peaks() const { return noted_; }
  // The range of `part` of the last run's v, from element `begin` of it on, a multiple of kStretch.
  // It ends at such a multiple or where the run does.
  Range range(std::size_t begin, std::span<const float> part) const;
  // The largest |v| of all runs so far, as the bits of a float; Inf and NaN are above all numbers.
  std::uint32_t peak() const { return peak_; }

  // The residual of elements [at, at + v.size()), of which `dec` was sent. Needs keeps_residual()
  // and a row with e_out.
  void keep(std::uint32_t at, std::span<const float> v, const float* dec) const;
  // Whether that residual is v - dec, which a codec may then write itself while it encodes.
  bool keeps_difference() const {
    return feedback_.ev == 1 && feedback_.ee == 0 && feedback_.ed == -1;
  }
  // Clears the velocity of elements that were all sent, if the feedback says so.
  void clear(std::uint32_t at, std::uint32_t count) const;

 private:
  // Notes from `word` on.
  void run_block(std::uint32_t at, std::span<float> into, std::size_t word);

  const Row& row_;
  const Feedback& feedback_;
  Shape shape_;
  float scale_;
  std::uint32_t peak_ = 0;
  enum class Notes { nothing, peaks, ranges } notes_ = Notes::nothing;
  alignas(64) std::array<std::uint32_t, 2 * peaks_for(kBlock)> noted_;
};

// The largest |v| as the bits of a float.
std::uint32_t peak_of(const float* v, std::size_t n);

}  // namespace terse::kernels
