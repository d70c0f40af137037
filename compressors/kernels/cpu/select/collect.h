// What selection does to a block that has just been folded: the values at or above a threshold, one
// after another; and what a fold would give at single elements, before it is run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "terse/compressors/feedback.h"
#include "terse/compressors/row.h"

namespace terse::kernels {

// Where collected entries go: the first `room` of them are stored, all are counted.
struct Collected {
  std::uint32_t* index;
  float* value;
  std::size_t capacity;
  std::uint32_t take_from = kTakesNothing;  // magnitudes that are taken away
  std::size_t found = 0;

  static constexpr std::uint32_t kTakesNothing = 0xffffffffu;
  bool whole() const { return found <= capacity; }
  std::size_t stored() const { return whole() ? found : capacity; }
};

// Adds (base + i, v[i]) for each magnitude(v[i]) >= threshold, in order.
void collect(std::span<const float> v, std::uint32_t base, std::uint32_t threshold,
             Collected& into);

// The same of values whose peaks (fold.h) are known. Where `into` takes, what is stored and at or
// above its threshold becomes 0 in v, which is then somebody's to write.
void collect(std::span<const float> v, std::span<const std::uint32_t> peaks, std::uint32_t base,
             std::uint32_t threshold, Collected& into);

// Elements start + j * stride + i, for i < together.
struct Places {
  std::size_t start, stride, together = 1;
};
// |v| there, one place after another, as Fold would make it; writes nothing else.
void sample_magnitudes(const Row& row, const Feedback& feedback, const Places& places,
                       std::span<float> into);

}  // namespace terse::kernels
