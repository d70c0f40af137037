// Selection on blocks that have just been folded: collects the values at or above a threshold, and
// computes what a fold would give at single elements before it is run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "terse/compressors/feedback.h"
#include "terse/compressors/row.h"

namespace terse::kernels {

// Collected entries: the first `capacity` of them are stored, all are counted.
struct Collected {
  std::uint32_t* index;
  float* value;
  std::size_t capacity;
  std::uint32_t clear_from = kClearsNothing;  // stored magnitudes from here on are cleared in v
  std::size_t found = 0;

  static constexpr std::uint32_t kClearsNothing = 0xffffffffu;
  bool complete() const { return found <= capacity; }
  std::size_t stored() const { return complete() ? found : capacity; }
};

// Adds (base + i, v[i]) for each magnitude(v[i]) >= threshold, in order.
void collect(std::span<const float> v, std::uint32_t base, std::uint32_t threshold,
             Collected& into);

// The same for values whose peaks (fold.h) are known. With into.clear_from, v must be writable:
// stored values of at least that magnitude become 0 in it.
void collect(std::span<const float> v, std::span<const std::uint32_t> peaks, std::uint32_t base,
             std::uint32_t threshold, Collected& into);

// Samples of a row: elements start + j * stride + i, for i < group.
struct SampleLayout {
  std::size_t start, stride, group = 1;
};
// |v| of the samples, one group after another, as Fold would compute it; writes nothing else.
void sample_magnitudes(const Row& row, const Feedback& feedback, const SampleLayout& layout,
                       std::span<float> into);

}  // namespace terse::kernels
