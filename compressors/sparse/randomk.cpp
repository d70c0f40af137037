#include "terse/compressors/sparse/randomk.h"

#include <algorithm>
#include <array>
#include <bit>

#include "terse/base/error.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse {
namespace {

// A bijection of [0, n).
class Shuffle {
 public:
  Shuffle(std::uint32_t n, std::uint64_t layer, const Key& key)
      : n_(n), half_(std::max(1u, (static_cast<unsigned>(std::bit_width(n - 1)) + 1) / 2)) {
    for (std::uint32_t i = 0; i < keys_.size(); i += 4) {
      const Philox4 draw = philox(key.stream(), i / 4, layer);
      for (std::uint32_t j = 0; j < 4 && i + j < keys_.size(); ++j) keys_[i + j] = draw[j];
    }
  }

  std::uint32_t operator()(std::uint32_t i) const {
    do {
      i = once(i);
    } while (i >= n_);
    return i;
  }

 private:
  std::uint32_t once(std::uint32_t i) const {
    const std::uint32_t mask = (1u << half_) - 1;
    std::uint32_t left = i >> half_, right = i & mask;
    for (const std::uint32_t key : keys_) {
      std::uint32_t x = (right ^ key) * 0x85ebca6bu;
      x = (x ^ (x >> 13)) * 0xc2b2ae35u;
      x ^= x >> 16;
      left = std::exchange(right, left ^ (x & mask));
    }
    return left << half_ | right;
  }

  std::uint32_t n_;
  unsigned half_;
  std::array<std::uint32_t, 6> keys_;
};

class RandomSparsifier : public Sparsifier {
 public:
  RandomSparsifier(ValueCodec values, bool unbiased)
      : Sparsifier(std::move(values)), unbiased_(unbiased) {}
  Traits traits() const override {
    return {.biased = !unbiased_, .summable = values().exact(), .pattern = Pattern::shared_indices};
  }
  std::uint32_t max_entries(std::uint32_t n, float level) const override {
    return largest_share(n, level);
  }

  void check(float level, const Feedback& feedback) const override {
    Sparsifier::check(level, feedback);
    if (unbiased_ && (feedback.keeps_residual() || feedback.keeps_velocity())) {
      fail<JobError>(
          "codec {} with unbiased values cannot be joined to a feedback, which would diverge; use "
          "one of the two.",
          name());
    }
  }

  RowStatus select(const Row& row, const Feedback& feedback, const Key& key, Entries& entries,
                   const Workspace& workspace, ProgressMeter& progress) const override {
    const std::uint32_t k = max_entries(row.n, row.level);
    entries.count = k;
    if (k > 0) draw(row, key, entries.index.first(k), workspace.words);
    const float factor = unbiased_ ? static_cast<float>(row.n) / static_cast<float>(k) : 1.0f;
    return gather(row, feedback, factor, entries, workspace, progress);
  }

 protected:
  virtual void draw(const Row& row, const Key& key, std::span<std::uint32_t> indices,
                    std::span<std::uint32_t> words) const = 0;

 private:
  bool unbiased_;
};

class RandomK final : public RandomSparsifier {
 public:
  using RandomSparsifier::RandomSparsifier;
  std::string name() const override { return "randomk"; }

 protected:
  std::size_t workspace_words(std::uint32_t n, float) const override {
    return (std::size_t{n} + 31) / 32;
  }
  void draw(const Row& row, const Key& key, std::span<std::uint32_t> indices,
            std::span<std::uint32_t> words) const override {
    draw_subset(row.n, row.layer, key, indices, words);
  }
};

class RandBlock final : public RandomSparsifier {
 public:
  using RandomSparsifier::RandomSparsifier;
  std::string name() const override { return "randblock"; }

 protected:
  std::size_t workspace_words(std::uint32_t, float) const override { return 0; }
  void draw(const Row& row, const Key& key, std::span<std::uint32_t> indices,
            std::span<std::uint32_t>) const override {
    draw_block(row.n, row.layer, key, indices);
  }
};

}  // namespace

void draw_subset(std::uint32_t n, std::uint64_t layer, Key key, std::span<std::uint32_t> indices,
                 std::span<std::uint32_t> bits) {
  key.rank = kShared;
  const auto words = bits.first((std::size_t{n} + 31) / 32);
  std::fill(words.begin(), words.end(), 0u);
  const Shuffle shuffle(n, layer, key);
  for (std::uint32_t i = 0; i < indices.size(); ++i) {
    const std::uint32_t at = shuffle(i);
    words[at / 32] |= 1u << at % 32;
  }
  auto into = indices.begin();
  for (std::uint32_t word = 0; word < words.size(); ++word) {
    for (std::uint32_t left = words[word]; left != 0; left &= left - 1)
      *into++ = 32 * word + static_cast<std::uint32_t>(std::countr_zero(left));
  }
}

void draw_block(std::uint32_t n, std::uint64_t layer, Key key, std::span<std::uint32_t> indices) {
  key.rank = kShared;
  const std::uint64_t draw = philox(key.stream(), 0, layer)[0];
  const auto start = static_cast<std::uint32_t>((draw * n) >> 32);
  const auto k = static_cast<std::uint32_t>(indices.size());
  const std::uint32_t wrapped = start + std::uint64_t{k} > n ? k - (n - start) : 0;
  for (std::uint32_t i = 0; i < wrapped; ++i) indices[i] = i;
  for (std::uint32_t i = wrapped; i < k; ++i) indices[i] = start + (i - wrapped);
}

std::shared_ptr<const Codec> make_randomk(const CodecOptions& options) {
  return std::make_shared<RandomK>(ValueCodec::named(options), options.unbiased);
}

std::shared_ptr<const Codec> make_randblock(const CodecOptions& options) {
  return std::make_shared<RandBlock>(ValueCodec::named(options), options.unbiased);
}

}  // namespace terse
