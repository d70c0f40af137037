// The magnitudes of one row, recomputed in each pass, for selection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/select/select.h"
#include "terse/compressors/pass.h"

namespace terse {

class Magnitudes {
 public:
  // Magnitudes of the v that `fold` computes for n elements; `block` has kernels::kBlock elements.
  // Every pass reports its progress.
  Magnitudes(kernels::Fold& fold, std::uint32_t n, std::span<float> block, ProgressMeter& progress)
      : fold_(fold), n_(n), block_(block), progress_(progress) {}

  std::uint32_t size() const { return n_; }

  std::uint32_t count_at_least(std::uint32_t threshold) const {
    std::size_t count = 0;
    each_block([&](std::uint32_t, std::span<const float> v) {
      count += kernels::count_at_least(v.data(), v.size(), threshold);
    });
    return static_cast<std::uint32_t>(count);
  }

  // Calls visit(index, value, magnitude) for the magnitudes in [low, high], in order of index; it
  // may modify the element that it is given.
  template <class Visit>
  void visit(std::uint32_t low, std::uint32_t high, Visit&& visit) const {
    each_block([&](std::uint32_t at, std::span<const float> v) {
      kernels::visit_between(v, low, high, [&](std::size_t i, std::uint32_t m) {
        visit(at + static_cast<std::uint32_t>(i), v[i], m);
      });
    });
  }

 private:
  template <class Use>
  void each_block(Use&& use) const {
    for (std::uint32_t at = 0; at < n_; at += kernels::kBlock) {
      const std::uint32_t n = std::min(kernels::kBlock, n_ - at);
      use(at, fold_.run(at, block_.first(n)));
      progress_.add(n);
    }
  }

  kernels::Fold& fold_;
  std::uint32_t n_;
  std::span<float> block_;
  ProgressMeter& progress_;
};

inline constexpr std::size_t kBins = 2048;

struct KthLargest {
  std::uint32_t threshold;  // the k-th largest magnitude
  std::uint32_t above;      // number of strictly larger magnitudes
};

// Exact radix selection over the magnitude's bits in [low, high], where `high` is at least the
// largest magnitude; `bins` has kBins elements. Returns nothing if fewer than k magnitudes are in
// that range. 1 <= k <= v.size().
std::optional<KthLargest> kth_largest(const Magnitudes& v, std::uint32_t k, std::uint32_t low,
                                      std::uint32_t high, std::span<std::uint32_t> bins);

}  // namespace terse
