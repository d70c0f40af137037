#include "terse/compressors/magnitude_sparsifier.h"

#include <algorithm>
#include <cmath>

#include "terse/base/error.h"
#include "terse/compressors/fold_pass.h"
#include "terse/compressors/kernels/collect.h"

namespace terse {

using kernels::Fold;

namespace {

constexpr std::uint32_t kSmallRow = 8192;  // all of such a row may be collected
constexpr double kLeastRatio = 0.01;

// What is chosen of what comes, in order of index, to be kept in `entries`.
class Picker {
 public:
  Picker(Entries& entries, std::uint32_t threshold, std::uint32_t ties, std::uint32_t count)
      : entries_(entries), threshold_(threshold), ties_(ties), left_(count) {
    entries.count = 0;
  }
  void operator()(std::uint32_t index, float value, std::uint32_t m) {
    if (left_ == 0 || m < threshold_ || (m == threshold_ && ties_ == 0)) return;
    if (m == threshold_) --ties_;
    --left_;
    entries_.index[entries_.count] = index;
    entries_.value[entries_.count++] = value;
  }

 private:
  Entries& entries_;
  std::uint32_t threshold_, ties_, left_;
};

}  // namespace

// Several times what is sent, as a guess from samples may be that far off.
std::uint32_t MagnitudeSparsifier::room(std::uint32_t n, float level) const {
  if (n <= kSmallRow) return n;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(n, 3ull * most(n, level) + kSmallRow / 4));
}

MagnitudeSparsifier::Choice MagnitudeSparsifier::Found::largest(std::uint32_t k) const {
  const std::uint32_t floor = guess_.floor;
  const auto kth = whole_ && k <= count_ ? kth_largest(collected_, k, floor, bins_)
                                         : kth_largest(row_, k, k <= count_ ? floor : 0, bins_);
  return {kth->threshold, k - kth->above, k};
}

MagnitudeSparsifier::Choice MagnitudeSparsifier::Found::all(std::uint32_t most) const {
  if (count_ > most) return largest(most);
  return {guess_.floor, count_, count_};
}

bool MagnitudeSparsifier::select(const Row& row, const Feedback& feedback, const Key& key,
                                 Entries& entries, const Memory& memory, Pace& pace) const {
  entries.count = 0;
  if (row.n == 0) return true;
  const Guess guess = this->guess(row, feedback, key, memory);
  kernels::Collected collected{entries.index.data(), entries.value.data(), entries.index.size()};
  const bool good = fold_row(row, feedback, memory.block, kernels::kBlock, Keep::later, pace,
                             [&](std::uint32_t at, std::span<const float> v) {
                               kernels::collect(v, at, guess.floor, collected);
                             });
  const Refold refold(row, feedback);
  Fold again(refold.row, refold.feedback);
  if (good) {
    const auto count = static_cast<std::uint32_t>(collected.found);
    Row among;
    among.grad = entries.value.data();
    among.n = collected.whole() ? count : 0;
    Fold values(among, feedback::kNone);
    const Magnitudes all(again, row.n, memory.block, pace);
    const Magnitudes some(values, among.n, memory.block, pace);
    const Found found(all, some, guess, count, collected.whole(), memory.bins);
    const Choice choice = choose(found, row);
    Picker pick(entries, choice.threshold, choice.ties, choice.count);
    if (collected.whole() && choice.threshold >= guess.floor) {
      for (std::uint32_t i = 0; i < count; ++i)
        pick(entries.index[i], entries.value[i], kernels::magnitude(entries.value[i]));
    } else {
      all.visit(choice.threshold, kernels::kLargestMagnitude, pick);
    }
  }
  if (feedback.keeps_residual() && !keeps_v(feedback)) {
    for (std::uint32_t at = 0; at < row.n; at += kernels::kBlock) {
      const std::uint32_t n = std::min(kernels::kBlock, row.n - at);
      const auto v = again.run(at, memory.block.first(n));
      keep_unsent(Fold(row, feedback), at, v);
      pace.worked(n);
    }
  }
  return good;
}

Sampling Sampling::of(std::uint32_t n, float density, double ratio) {
  // No integer holds what the least densities want.
  const double by_density = std::ceil(2.0 / density * (1 - 1e-7));
  if (n <= by_density) return {1, n};
  const auto wanted = static_cast<std::uint64_t>(std::max(std::ceil(n * ratio), by_density));
  auto stride = static_cast<std::uint32_t>((n + 32 * wanted - 1) / (32 * wanted) * 32 + 1);
  while (n / stride < wanted) stride -= 8;
  return {stride, n / stride};
}

std::size_t Sampling::room(std::uint32_t n) const {
  return whole() ? 0 : (std::size_t{n} + stride - 1) / stride;
}

std::span<const float> Sampling::take(const Row& row, const Feedback& feedback, const Key& key,
                                      std::span<float> memory, std::size_t together) const {
  const std::uint64_t draw = philox(key.stream(), 0, row.layer)[0];
  const std::size_t apart = stride * together;
  const auto start = static_cast<std::size_t>((draw * (apart - together + 1)) >> 32);
  const std::size_t places = (row.n - start - together) / apart + 1;
  const auto taken = memory.first(together * std::min(places, memory.size() / together));
  kernels::sample_magnitudes(row, feedback, {start, apart, together}, taken);
  return taken;
}

std::uint32_t Sampling::share(const Row& row) const {
  return std::max<std::uint32_t>(1, ceil_share(count, row.level));
}

std::uint32_t kth_largest_of(std::span<const float> magnitudes, std::size_t k, std::uint32_t floor,
                             std::span<std::uint32_t> bins) {
  Row row;
  row.grad = magnitudes.data();
  row.n = static_cast<std::uint32_t>(magnitudes.size());
  Fold values(row, feedback::kNone);
  const Exec nobody_waits;
  Pace pace(nobody_waits);
  return kth_largest(Magnitudes(values, row.n, {}, pace), static_cast<std::uint32_t>(k), floor,
                     bins)
      ->threshold;
}

void check_sample_ratio(std::string_view name, double ratio) {
  if (ratio >= kLeastRatio && ratio <= 1) return;
  fail<JobError>("codec {} cannot sample a share of {}: it takes a number from {} to 1.", name,
                 ratio, kLeastRatio);
}

}  // namespace terse
