#include "terse/compressors/sparse/dgc.h"

#include <algorithm>
#include <bit>

#include "terse/compressors/sparse/magnitude/magnitude_sparsifier.h"

namespace terse {
namespace {

constexpr double kUpper = 1.3, kLower = 0.8;
constexpr float kLoosen = 0.8f;
constexpr int kRounds = 10;
constexpr std::uint32_t kMargin = 8;  // collects from the sample of rank 2 * share + kMargin on

class Dgc final : public MagnitudeSparsifier {
 public:
  Dgc(ValueCodec values, double sample_ratio)
      : MagnitudeSparsifier(std::move(values)), sample_ratio_(sample_ratio) {
    check_sample_ratio(name(), sample_ratio);
  }
  std::string name() const override { return "dgc"; }
  std::uint32_t max_entries(std::uint32_t n, float level) const override {
    return n == 0 ? 0 : std::clamp<std::uint32_t>(ceil_share(n, level), 1, n);
  }

 protected:
  std::size_t workspace_words(std::uint32_t n, float level) const override {
    return n == 0 ? 0 : Sampling::of(n, level, sample_ratio_).max_samples(n);
  }

  ThresholdEstimate estimate(const Row& row, const Feedback& feedback, const Key& key,
                             const Workspace& workspace) const override {
    const Sampling sampling = Sampling::of(row.n, row.level, sample_ratio_);
    if (sampling.whole()) return {0, 0};
    const auto samples = sampling.sample(row, feedback, key, workspace.samples());
    const std::size_t share = sampling.share(row),
                      collected = std::min<std::size_t>(2 * share + kMargin, samples.size());
    const std::uint32_t floor = kth_largest_of(samples, collected, 0, workspace.bins);
    return {kth_largest_of(samples, share, floor, workspace.bins), floor};
  }

  Selection choose(const Candidates& candidates, const Row& row) const override {
    const std::uint32_t wanted = max_entries(row.n, row.level);
    if (Sampling::of(row.n, row.level, sample_ratio_).whole()) {
      return {candidates.largest(wanted).threshold, wanted, wanted};
    }
    std::uint32_t threshold = candidates.threshold(), count = candidates.count_at_least(threshold);
    for (int round = 1; round <= kRounds && count < kLower * wanted; ++round) {
      threshold = kernels::magnitude(std::bit_cast<float>(threshold) * kLoosen);
      const bool last = round == kRounds;
      // Even more values reach a threshold below the floor, so the exact count is not needed.
      if (!last && threshold < candidates.floor() && candidates.count() > kUpper * wanted)
        return candidates.largest(wanted);
      count = candidates.count_at_least(threshold);
      if (last) return truncated(threshold, count, wanted);
    }
    if (count > kUpper * wanted) return candidates.largest(wanted);
    return truncated(threshold, count, wanted);
  }

 private:
  static Selection truncated(std::uint32_t threshold, std::uint32_t count, std::uint32_t wanted) {
    const std::uint32_t sent = std::min(count, wanted);
    return {threshold, sent, sent};
  }

  double sample_ratio_;
};

}  // namespace

std::shared_ptr<const Codec> make_dgc(const CodecOptions& options) {
  return std::make_shared<Dgc>(ValueCodec::named(options), options.sample_ratio);
}

std::shared_ptr<const Codec> make_dgc(double sample_ratio) {
  return make_dgc(CodecOptions{.sample_ratio = sample_ratio});
}

}  // namespace terse
