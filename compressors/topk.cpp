#include "terse/compressors/topk.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "terse/compressors/sparsifier.h"

namespace terse {
namespace {

constexpr std::uint32_t kSamples = 8192;

class TopK final : public Sparsifier {
 public:
  std::string name() const override { return "topk"; }
  Traits traits() const override {
    return {.biased = true, .fixed_size = true, .pattern = Pattern::gathered};
  }

 protected:
  std::uint32_t most(std::uint32_t n, float level) const override {
    return n == 0 ? 0 : std::clamp<std::uint32_t>(floor_share(n, level), 1, n);
  }
  std::size_t samples(std::uint32_t n, float) const override { return n > kSamples ? kSamples : 0; }

  Choice choose(const Magnitudes& v, const Row& row, const Key&,
                const Memory& memory) const override {
    const std::uint32_t k = most(row.n, row.level);
    auto kth = kth_largest(v, k, likely_floor(v, k, memory.samples), memory.bins);
    if (!kth) kth = kth_largest(v, k, 0, memory.bins);
    return {kth->threshold, k - kth->above, k};
  }

 private:
  // A magnitude that is very likely below the k-th largest, so that the exact search can pass over
  // most of the row: the one whose rank in an even sample is four standard errors past where the
  // k-th is expected.
  static std::uint32_t likely_floor(const Magnitudes& v, std::uint32_t k,
                                    std::span<std::uint32_t> samples) {
    if (samples.empty()) return 0;
    const std::size_t stride = v.size() / samples.size();
    for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = v[i * stride];
    const double expected = static_cast<double>(k) / v.size() * static_cast<double>(samples.size());
    const auto rank = static_cast<std::size_t>(expected + 4 * std::sqrt(expected) + 8);
    if (rank >= samples.size()) return 0;
    std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(rank),
                     samples.end(), std::greater<>());
    return samples[rank];
  }
};

}  // namespace

std::shared_ptr<const Codec> make_topk() { return std::make_shared<TopK>(); }

}  // namespace terse
