// The magnitudes of one row, for selection.
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
  // Of what `fold` makes of n elements; block has kernels::kBlock elements. Every pass is paced.
  Magnitudes(kernels::Fold& fold, std::uint32_t n, std::span<float> block, Pace& pace)
      : fold_(fold), n_(n), block_(block), pace_(pace) {}

  std::uint32_t size() const { return n_; }

  std::uint32_t count_at_least(std::uint32_t threshold) const {
    std::size_t count = 0;
    each_block([&](std::uint32_t, std::span<const float> v) {
      count += kernels::count_at_least(v.data(), v.size(), threshold);
    });
    return static_cast<std::uint32_t>(count);
  }

  // visit(index, value, magnitude) for those in [low, high], in order; it may change the element
  // that it is given.
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
      pace_.worked(n);
    }
  }

  kernels::Fold& fold_;
  std::uint32_t n_;
  std::span<float> block_;
  Pace& pace_;
};

inline constexpr std::size_t kBins = 2048;

struct Kth {
  std::uint32_t threshold;  // the k-th largest magnitude
  std::uint32_t above;      // how many are strictly larger
};

// Exact, by digits of the magnitude's bits, of which the first takes in all of [low, high]; `bins`
// has kBins elements. Looks at magnitudes in that range alone, and `high` must be at least the
// largest of all: nothing if fewer than k are there. 1 <= k <= v.size().
std::optional<Kth> kth_largest(const Magnitudes& v, std::uint32_t k, std::uint32_t low,
                               std::uint32_t high, std::span<std::uint32_t> bins);

}  // namespace terse
