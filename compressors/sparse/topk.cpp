#include "terse/compressors/sparse/topk.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "terse/base/error.h"
#include "terse/compressors/kernels/cpu/select/collect.h"
#include "terse/compressors/sparse/magnitude/magnitude_sparsifier.h"

namespace terse {
namespace {

constexpr std::uint32_t kWholeRow = 8192, kStride = 128, kSampleGroup = 4, kFewSamples = 64;

class TopK final : public MagnitudeSparsifier {
 public:
  TopK(ValueCodec values, std::string name, Pattern pattern)
      : MagnitudeSparsifier(std::move(values)), name_(std::move(name)), pattern_(pattern) {}
  std::string name() const override { return name_; }
  Traits traits() const override { return {.biased = true, .pattern = pattern_}; }
  std::uint32_t max_entries(std::uint32_t n, float level) const override {
    return largest_share(n, level);
  }

 protected:
  std::size_t workspace_words(std::uint32_t n, float) const override {
    return n <= kWholeRow ? 0 : std::min(n / kStride, kWholeRow) / kSampleGroup * kSampleGroup;
  }

  // Very likely below the k-th largest magnitude: the sample whose rank is three standard errors
  // past the expected rank of the k-th.
  ThresholdEstimate estimate(const Row& row, const Feedback& feedback, const Key&,
                             const Workspace& workspace) const override {
    const std::span<float> samples = workspace.samples();
    if (samples.empty()) return {0, 0};
    kernels::sample_magnitudes(row, feedback,
                               {0, row.n / samples.size() * kSampleGroup, kSampleGroup}, samples);
    const double expected = static_cast<double>(max_entries(row.n, row.level)) / row.n *
                            static_cast<double>(samples.size());
    const auto rank = static_cast<std::size_t>(expected + 3 * std::sqrt(expected) + 4);
    if (rank >= samples.size()) return {0, 0};
    const std::uint32_t floor = kth_largest_of(samples, rank + 1, 0, workspace.bins);
    return {floor, floor};
  }

  Selection choose(const Candidates& candidates, const Row& row) const override {
    return candidates.largest(max_entries(row.n, row.level));
  }

 private:
  std::string name_;
  Pattern pattern_;
};

class TopKSampled final : public MagnitudeSparsifier {
 public:
  TopKSampled(ValueCodec values, double ratio)
      : MagnitudeSparsifier(std::move(values)), ratio_(ratio) {
    check_sample_ratio(name(), ratio);
  }
  std::string name() const override { return "topk_sampled"; }
  std::uint32_t max_entries(std::uint32_t n, float level) const override {
    return largest_share(n, level);
  }

 protected:
  std::size_t workspace_words(std::uint32_t n, float level) const override {
    return n == 0 ? 0 : Sampling::of(n, level, ratio_).max_samples(n);
  }
  ThresholdEstimate estimate(const Row& row, const Feedback& feedback, const Key& key,
                             const Workspace& workspace) const override {
    const Sampling sampling = Sampling::of(row.n, row.level, ratio_);
    if (sampling.whole()) return {0, 0};
    const auto samples = sampling.sample(row, feedback, key, workspace.samples(),
                                         sampling.count < kFewSamples ? 1 : kSampleGroup);
    const std::size_t share =
        std::max<std::size_t>(1, ceil_share(static_cast<double>(samples.size()), row.level));
    const std::uint32_t least = kth_largest_of(samples, share, 0, workspace.bins);
    return {least, least};
  }
  Selection choose(const Candidates& candidates, const Row& row) const override {
    return candidates.all(max_entries(row.n, row.level));
  }

 private:
  double ratio_;
};

class Threshold final : public MagnitudeSparsifier {
 public:
  Threshold(ValueCodec values, double threshold)
      : MagnitudeSparsifier(std::move(values)), threshold_(static_cast<float>(threshold)) {
    if (!(threshold >= 0 && std::isfinite(threshold_))) {
      fail<JobError>("codec threshold cannot use a threshold of {}: it takes a finite number >= 0.",
                     threshold);
    }
  }
  std::string name() const override { return "threshold"; }
  std::uint32_t max_entries(std::uint32_t n, float level) const override {
    return largest_share(n, level);
  }

 protected:
  std::size_t workspace_words(std::uint32_t, float) const override { return 0; }
  ThresholdEstimate estimate(const Row&, const Feedback&, const Key&,
                             const Workspace&) const override {
    const std::uint32_t least = kernels::magnitude(threshold_) + 1;
    return {least, least};
  }
  Selection choose(const Candidates& candidates, const Row& row) const override {
    return candidates.all(max_entries(row.n, row.level));
  }

 private:
  float threshold_;
};

}  // namespace

std::shared_ptr<const Codec> make_topk(const CodecOptions& options) {
  return make_topk(options, "topk", Pattern::all_gather);
}

std::shared_ptr<const Codec> make_topk(const CodecOptions& options, std::string name,
                                       Pattern pattern) {
  return std::make_shared<TopK>(ValueCodec::named(options), std::move(name), pattern);
}

std::shared_ptr<const Codec> make_topk_sampled(const CodecOptions& options) {
  return std::make_shared<TopKSampled>(ValueCodec::named(options), options.sample_ratio);
}

std::shared_ptr<const Codec> make_threshold(const CodecOptions& options) {
  return std::make_shared<Threshold>(ValueCodec::named(options), options.threshold);
}

}  // namespace terse
