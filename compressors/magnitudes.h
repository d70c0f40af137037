// The magnitudes of one row, for selection: a view of values that are the row's residual or its
// gradient times a factor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "terse/compressors/kernels/select.h"
#include "terse/compressors/kernels/sum.h"
#include "terse/compressors/pass.h"

namespace terse {

class Magnitudes {
 public:
  // The values are factor * base[i]; block has kernels::kBlock elements for products. Every pass is
  // paced.
  Magnitudes(std::span<const float> base, float factor, std::span<float> block, Pace& pace)
      : base_(base), factor_(factor), block_(block), pace_(pace) {}

  std::uint32_t size() const { return static_cast<std::uint32_t>(base_.size()); }
  std::uint32_t operator[](std::size_t i) const { return kernels::magnitude(factor_ * base_[i]); }

  std::uint32_t count_at_least(std::uint32_t threshold) const {
    std::size_t count = 0;
    each_block([&](std::size_t, std::span<const float> v) {
      count += kernels::count_at_least(v.data(), v.size(), threshold);
    });
    return static_cast<std::uint32_t>(count);
  }

  // visit(index, value, magnitude) for those in [low, high], in order; it may change the element
  // that it is given.
  template <class Visit>
  void visit(std::uint32_t low, std::uint32_t high, Visit&& visit) const {
    each_block([&](std::size_t at, std::span<const float> v) {
      kernels::visit_between(v, low, high, [&](std::size_t i, std::uint32_t m) {
        visit(static_cast<std::uint32_t>(at + i), v[i], m);
      });
    });
  }

 private:
  template <class Use>
  void each_block(Use&& use) const {
    for (std::size_t at = 0; at < base_.size(); at += kernels::kBlock) {
      const auto part =
          base_.subspan(at, std::min<std::size_t>(kernels::kBlock, base_.size() - at));
      if (factor_ == 1) {
        use(at, part);
      } else {
        kernels::scale(part.data(), factor_, block_.data(), part.size());
        use(at, std::span<const float>(block_.first(part.size())));
      }
      pace_.worked(part.size());
    }
  }

  std::span<const float> base_;
  float factor_;
  std::span<float> block_;
  Pace& pace_;
};

inline constexpr std::size_t kBins = 2048;

struct Kth {
  std::uint32_t threshold;  // the k-th largest magnitude
  std::uint32_t above;      // how many are strictly larger
};

// Exact, by three digits of the magnitude's bits; `bins` has kBins elements. Looks at magnitudes
// from `floor` on alone: nothing if those are fewer than k. 1 <= k <= v.size().
std::optional<Kth> kth_largest(const Magnitudes& v, std::uint32_t k, std::uint32_t floor,
                               std::span<std::uint32_t> bins);

}  // namespace terse
