// The fold applies error feedback to a row: gradient and memory (residual, velocity) give v, the
// values to encode; afterwards v and its decoded values give the new memory. feedback.h defines the
// arithmetic; it is compiled for four kinds of feedback whose results are equal to the bit.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "terse/compressors/feedback.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/quantize/quantize.h"
#include "terse/compressors/row.h"

namespace terse::kernels {

// none: v = g. classic: v = g + e. dgc: u' = uu u + ug g, v = (u' [+ g]) + e. general: all others.
enum class FoldKind { none, classic, dgc, general };
FoldKind fold_kind_of(const Feedback& feedback);

// Peaks summarize values: for each stretch of kStretch elements, the largest magnitudes (as the
// bits of floats) of its elements 0, 1, ... modulo kPeakLanes. A search for large values reads a
// quarter of the data. Elements past the end count as zeros.
inline constexpr std::size_t kStretch = 32, kPeakLanes = 8;
constexpr std::size_t peaks_for(std::size_t n) {
  return (n + kStretch - 1) / kStretch * kPeakLanes;
}
// Writes the peaks and returns the largest.
std::uint32_t peaks_of(const float* v, std::size_t n, std::uint32_t* peaks);

// The fold of one row, run by run. Keeps references to `row` and `feedback`; a null e_in or u_in
// reads as zeros.
class Fold {
 public:
  // Throws Error if `feedback` writes a velocity and the row has no memory for it.
  Fold(const Row& row, const Feedback& feedback);
  // The same with another kind's code, for tests.
  Fold(const Row& row, const Feedback& feedback, FoldKind kind);

  // Returns v of elements [at, at + into.size()): in `into`, or in place if v is the gradient
  // itself. Writes the new velocity.
  std::span<const float> run(std::uint32_t at, std::span<float> into);
  // The same for a run whose values were checked before: peak() may not include it.
  std::span<const float> rerun(std::uint32_t at, std::span<float> into) {
    return in_place() ? std::span(row_.grad + at, into.size()) : run(at, into);
  }
  // Whether v is the gradient itself.
  bool in_place() const { return kind_ == FoldKind::none && scale_ == 1; }

  // Makes later runs summarize v for peaks(); a run then has at most 2 kBlock elements.
  void track_peaks() { tracked_ = Tracked::peaks; }
  // Makes later runs summarize v for range(); a run then has at most kBlock elements.
  void track_ranges() { tracked_ = Tracked::ranges; }
  // The peaks of the last run; needs track_peaks().
  std::span<const std::uint32_t> peaks() const { return summaries_; }
  // The range of `part` of the last run's v, which starts at element `begin` of the run. Start and
  // end are multiples of kStretch, or the end is the run's.
  Range range(std::size_t begin, std::span<const float> part) const;
  // The largest |v| of all runs so far, as the bits of a float; Inf and NaN compare above all
  // finite numbers.
  std::uint32_t peak() const { return peak_; }

  // Writes the residual of elements [at, at + v.size()), of which `dec` was sent. Needs
  // Feedback::keeps_residual() and a row with e_out.
  void write_residual(std::uint32_t at, std::span<const float> v, const float* dec) const;
  // Whether that residual is v - dec, which a codec may write itself while it encodes.
  bool residual_is_difference() const {
    return feedback_.ev == 1 && feedback_.ee == 0 && feedback_.ed == -1;
  }
  // Clears the velocity of elements that were all sent, if the feedback asks for it.
  void clear(std::uint32_t at, std::uint32_t count) const;

 private:
  // Writes summaries from index `summary` on.
  void run_block(std::uint32_t at, std::span<float> into, std::size_t summary);

  const Row& row_;
  const Feedback& feedback_;
  FoldKind kind_;
  float scale_;
  std::uint32_t peak_ = 0;
  enum class Tracked { nothing, peaks, ranges } tracked_ = Tracked::nothing;
  alignas(64) std::array<std::uint32_t, 2 * peaks_for(kBlock)> summaries_;
};

// The largest |v| as the bits of a float.
std::uint32_t peak_of(const float* v, std::size_t n);

}  // namespace terse::kernels
