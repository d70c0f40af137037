#include "terse/compressors/sparse/magnitude_sparsifier.h"

#include <algorithm>
#include <cmath>

#include "terse/base/error.h"
#include "terse/compressors/fold_pass.h"
#include "terse/compressors/kernels/cpu/select/collect.h"

namespace terse {

using kernels::Fold;

namespace {

constexpr std::uint32_t kSmallRow = 8192;  // all of such a row may be collected
constexpr double kLeastRatio = 0.01;
constexpr std::uint32_t kNearPeak = 4u << 23;  // four octaves of a float's bits

// What is chosen of what comes, in order of index, to be kept in `entries`.
class Picker {
 public:
  Picker(Entries& entries, std::uint32_t threshold, std::uint32_t ties, std::uint32_t count)
      : entries_(entries), threshold_(threshold), ties_(ties), left_(count) {
    entries.count = 0;
  }
  // Whether it is chosen.
  bool operator()(std::uint32_t index, float value, std::uint32_t m) {
    if (left_ == 0 || m < threshold_ || (m == threshold_ && ties_ == 0)) return false;
    if (m == threshold_) --ties_;
    --left_;
    entries_.index[entries_.count] = index;
    entries_.value[entries_.count++] = value;
    return true;
  }

 private:
  Entries& entries_;
  std::uint32_t threshold_, ties_, left_;
};

// The residual as if nothing were sent, of a row that `again` folds once more.
void keep_all_unsent(const Row& row, const Feedback& feedback, Fold& again, std::span<float> block,
                     Pace& pace) {
  const Fold fold(row, feedback);
  for (std::uint32_t at = 0; at < row.n; at += kernels::kBlock) {
    const std::uint32_t n = std::min(kernels::kBlock, row.n - at);
    keep_unsent(fold, at, again.run(at, block.first(n)));
    pace.worked(n);
  }
}

}  // namespace

// Several times what is sent, as a guess from samples may be that far off.
std::uint32_t MagnitudeSparsifier::capacity_entries(std::uint32_t n, float level) const {
  if (n <= kSmallRow) return n;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(n, 3ull * max_entries(n, level) + kSmallRow / 4));
}

MagnitudeSparsifier::Choice MagnitudeSparsifier::Candidates::largest(std::uint32_t k) const {
  const std::uint32_t floor = guess_.floor;
  const auto kth = whole_ && k <= count_
                       ? kth_largest(collected_, k, floor, peak_, bins_)
                       : kth_largest(row(), k, k <= count_ ? floor : 0, peak_, bins_);
  return {kth->threshold, k - kth->above, k};
}

MagnitudeSparsifier::Choice MagnitudeSparsifier::Candidates::all(std::uint32_t max_entries) const {
  if (count_ > max_entries) return largest(max_entries);
  return {guess_.floor, count_, count_};
}

void MagnitudeSparsifier::ResidualUndo::give_back() {
  for (std::size_t i = 0; any() && i < collected_; ++i) {
    if (kernels::magnitude(entries_.value[i]) >= from_)
      residual_[entries_.index[i]] = entries_.value[i];
  }
  from_ = kernels::Collected::kTakesNothing;
}

bool MagnitudeSparsifier::run(const Row& row, const Feedback& feedback, const Key& key,
                              Entries& entries, const Memory& memory, Pace& pace,
                              bool takes) const {
  entries.count = 0;
  entries.taken = false;
  if (row.n == 0) return true;
  const Guess guess = this->guess(row, feedback, key, memory);
  kernels::Collected collected{entries.index.data(), entries.value.data(), entries.index.size()};
  // What is sent exactly leaves nothing behind; a zero keeps its sign.
  if (takes && keeps_v(feedback) && feedback.ed == -1 && values().exact())
    collected.take_from = std::max(guess.threshold, 1u);
  const std::uint32_t peak =
      fold_row(row, feedback, memory.block, kernels::kBlock, ResidualWrite::deferred, pace,
               [&](std::uint32_t at, std::span<const float> v, auto peaks) {
                 kernels::collect(v, peaks, at, guess.floor, collected);
               });
  const bool good = peak < kernels::kFp32Limit;
  ResidualUndo undo(row.e_out, entries, collected.stored(), collected.take_from);
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
    const Candidates candidates(all, some, guess, peak, count, collected.whole(), memory.bins,
                                undo);
    const Choice choice = choose(candidates, row);
    Picker pick(entries, choice.threshold, choice.ties, choice.count);
    if (candidates.holds(choice.threshold)) {
      entries.taken = undo.any();
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t index = entries.index[i];
        const float value = entries.value[i];
        const std::uint32_t m = kernels::magnitude(value);
        const bool sent = pick(index, value, m);
        if (entries.taken) undo.settle(index, value, m, sent);
      }
    } else {
      candidates.row().visit(choice.threshold, kernels::kLargestMagnitude, pick);
    }
  } else {
    undo.give_back();
  }
  if (feedback.keeps_residual() && !keeps_v(feedback))
    keep_all_unsent(row, feedback, again, memory.block, pace);
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

std::size_t Sampling::capacity_entries(std::uint32_t n) const {
  return whole() ? 0 : (std::size_t{n} + stride - 1) / stride;
}

std::span<const float> Sampling::take(const Row& row, const Feedback& feedback, const Key& key,
                                      std::span<float> memory, std::size_t together) const {
  const std::uint64_t draw = philox(key.stream(), 0, row.layer)[0];
  const std::size_t apart = stride * together;
  const auto start = static_cast<std::size_t>((draw * (apart - together + 1)) >> 32);
  const std::size_t places = (row.n - start - together) / apart + 1;
  const auto samples = memory.first(together * std::min(places, memory.size() / together));
  kernels::sample_magnitudes(row, feedback, {start, apart, together}, samples);
  return samples;
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
  const Magnitudes all(values, row.n, {}, pace);
  const std::uint32_t peak = kernels::peak_of(row.grad, row.n),
                      near = peak - std::min(peak, kNearPeak);
  auto kth = kth_largest(all, static_cast<std::uint32_t>(k), std::max(floor, near), peak, bins);
  if (!kth) kth = kth_largest(all, static_cast<std::uint32_t>(k), floor, peak, bins);
  return kth->threshold;
}

void check_sample_ratio(std::string_view name, double ratio) {
  if (ratio >= kLeastRatio && ratio <= 1) return;
  fail<JobError>("codec {} cannot sample a share of {}: it takes a number from {} to 1.", name,
                 ratio, kLeastRatio);
}

}  // namespace terse
