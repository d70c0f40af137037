#include "terse/compressors/dgc.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "terse/base/error.h"
#include "terse/compressors/sparsifier.h"

namespace terse {
namespace {

constexpr double kUpper = 1.3, kLower = 0.8;
constexpr float kLoosen = 0.8f;
constexpr int kRounds = 10;
constexpr double kLeastRatio = 0.01;

struct Sampling {
  std::uint32_t stride, count;  // count is what every start gives at least
};

class Dgc final : public Sparsifier {
 public:
  explicit Dgc(double sample_ratio) : sample_ratio_(sample_ratio) {}
  std::string name() const override { return "dgc"; }

 protected:
  std::uint32_t most(std::uint32_t n, float level) const override {
    return n == 0 ? 0 : std::clamp<std::uint32_t>(ceil_share(n, level), 1, n);
  }

  std::size_t samples(std::uint32_t n, float level) const override {
    if (n == 0) return 0;
    const Sampling sampling = sampling_of(n, level);
    return sampling.stride == 1 ? 0 : (n + sampling.stride - 1) / sampling.stride;
  }

  Choice choose(const Magnitudes& v, const Row& row, const Key& key,
                const Memory& memory) const override {
    const std::uint32_t wanted = most(row.n, row.level);
    const Sampling sampling = sampling_of(row.n, row.level);
    if (sampling.stride == 1) {
      const std::uint32_t threshold = kth_largest(v, wanted, 0, memory.bins)->threshold;
      return {threshold, wanted, wanted};
    }
    std::uint32_t threshold = estimate(v, row, key, sampling, memory.samples);
    std::uint32_t count = v.count_at_least(threshold);
    for (int round = 0; round < kRounds && count < kLower * wanted; ++round) {
      threshold = kernels::magnitude(std::bit_cast<float>(threshold) * kLoosen);
      count = v.count_at_least(threshold);
      if (round + 1 == kRounds) return truncated(threshold, count, wanted);
    }
    if (count > kUpper * wanted) {
      const Kth kth = *kth_largest(v, wanted, threshold, memory.bins);
      return {kth.threshold, wanted - kth.above, wanted};
    }
    return truncated(threshold, count, wanted);
  }

 private:
  static Choice truncated(std::uint32_t threshold, std::uint32_t count, std::uint32_t wanted) {
    const std::uint32_t sent = std::min(count, wanted);
    return {threshold, sent, sent};
  }

  Sampling sampling_of(std::uint32_t n, float density) const {
    const std::uint64_t by_density =
        static_cast<std::uint64_t>(std::ceil(2.0 / density * (1 - 1e-7)));
    if (n <= by_density) return {1, n};
    const auto by_share = static_cast<std::uint64_t>(std::ceil(n * sample_ratio_));
    const std::uint64_t wanted = std::max(by_share, by_density);
    auto stride = static_cast<std::uint32_t>((n + 32 * wanted - 1) / (32 * wanted) * 32 + 1);
    while (n / stride < wanted) stride -= 8;
    return {stride, n / stride};
  }

  // The smallest of the top share of the samples.
  static std::uint32_t estimate(const Magnitudes& v, const Row& row, const Key& key,
                                const Sampling& sampling, std::span<std::uint32_t> samples) {
    const std::uint64_t draw = philox(key.stream(), 0, row.layer)[0];
    const auto start = static_cast<std::size_t>((draw * sampling.stride) >> 32);
    std::size_t count = 0;
    for (std::size_t at = start; at < v.size(); at += sampling.stride) samples[count++] = v[at];
    const std::uint32_t top = std::max<std::uint32_t>(1, ceil_share(sampling.count, row.level));
    std::nth_element(samples.begin(), samples.begin() + top - 1,
                     samples.begin() + static_cast<std::ptrdiff_t>(count), std::greater<>());
    return samples[top - 1];
  }

  double sample_ratio_;
};

}  // namespace

std::shared_ptr<const Codec> make_dgc(double sample_ratio) {
  if (!(sample_ratio >= kLeastRatio && sample_ratio <= 1)) {
    fail<JobError>("codec dgc cannot sample a share of {}: it takes a number from {} to 1.",
                   sample_ratio, kLeastRatio);
  }
  return std::make_shared<Dgc>(sample_ratio);
}

}  // namespace terse
