#include "terse/compressors/sparse/magnitude/magnitude_sparsifier.h"

#include <algorithm>
#include <cmath>

#include "terse/base/error.h"
#include "terse/compressors/fold_pass.h"
#include "terse/compressors/kernels/cpu/select/collect.h"

namespace terse {

using kernels::Fold;

namespace {

constexpr std::uint32_t kSmallRow = 8192;  // rows up to this size may be collected entirely
constexpr double kLeastRatio = 0.01;
constexpr std::uint32_t kNearPeak = 4u << 23;  // four octaves, in the bits of a float

// Called with candidates in order of index; stores the selected ones in `entries`.
class Picker {
 public:
  Picker(Entries& entries, std::uint32_t threshold, std::uint32_t ties, std::uint32_t count)
      : entries_(entries), threshold_(threshold), ties_(ties), left_(count) {
    entries.count = 0;
  }
  // Returns whether the entry is selected.
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

// Writes the residual as if nothing were sent; `refold` computes the row's v again.
void refold_unsent_residual(const Row& row, const Feedback& feedback, Fold& refold,
                            std::span<float> block, ProgressMeter& progress) {
  const Fold fold(row, feedback);
  for (std::uint32_t at = 0; at < row.n; at += kernels::kBlock) {
    const std::uint32_t n = std::min(kernels::kBlock, row.n - at);
    write_unsent_residual(fold, at, refold.run(at, block.first(n)));
    progress.add(n);
  }
}

}  // namespace

// Several times the sent entries, as an estimate from samples may be that far off.
std::uint32_t MagnitudeSparsifier::capacity_entries(std::uint32_t n, float level) const {
  if (n <= kSmallRow) return n;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(n, 3ull * max_entries(n, level) + kSmallRow / 4));
}

MagnitudeSparsifier::Selection MagnitudeSparsifier::Candidates::largest(std::uint32_t k) const {
  const bool collected = k <= count();
  const auto kth = collected && state_.complete
                       ? kth_largest(state_.collected, k, floor(), state_.peak, state_.bins)
                       : kth_largest(row(), k, collected ? floor() : 0, state_.peak, state_.bins);
  return {kth->threshold, k - kth->above, k};
}

MagnitudeSparsifier::Selection MagnitudeSparsifier::Candidates::all(
    std::uint32_t max_entries) const {
  if (count() > max_entries) return largest(max_entries);
  return {floor(), count(), count()};
}

void MagnitudeSparsifier::ResidualUndo::restore() {
  for (std::size_t i = 0; any() && i < collected_; ++i) {
    if (kernels::magnitude(entries_.value[i]) >= from_)
      residual_[entries_.index[i]] = entries_.value[i];
  }
  from_ = kernels::Collected::kClearsNothing;
}

void MagnitudeSparsifier::pick_entries(const Candidates& candidates, const Selection& selection,
                                       Entries& entries, ResidualUndo& undo) {
  Picker pick(entries, selection.threshold, selection.ties, selection.count);
  if (!candidates.holds(selection.threshold)) {
    candidates.row().visit(selection.threshold, kernels::kLargestMagnitude, pick);
    return;
  }
  entries.subtracted = undo.any();
  for (std::uint32_t i = 0; i < candidates.count(); ++i) {
    const std::uint32_t index = entries.index[i];
    const float value = entries.value[i];
    const std::uint32_t m = kernels::magnitude(value);
    const bool sent = pick(index, value, m);
    if (entries.subtracted) undo.correct(index, value, m, sent);
  }
}

RowStatus MagnitudeSparsifier::run(const Row& row, const Feedback& feedback, const Key& key,
                                   Entries& entries, const Workspace& workspace,
                                   ProgressMeter& progress, Residual residual) const {
  entries.count = 0;
  entries.subtracted = false;
  if (row.n == 0) return RowStatus::good;
  const ThresholdEstimate estimate = this->estimate(row, feedback, key, workspace);
  kernels::Collected collected{entries.index.data(), entries.value.data(), entries.index.size()};
  // An entry that is sent exactly leaves no residual; a zero keeps its sign.
  if (residual == Residual::subtracted && residual_is_v(feedback) && feedback.ed == -1 &&
      values().exact()) {
    collected.clear_from = std::max(estimate.threshold, 1u);
  }
  const std::uint32_t peak =
      fold_row(row, feedback, workspace.block, kernels::kBlock, ResidualWrite::deferred, progress,
               [&](std::uint32_t at, std::span<const float> v, auto peaks) {
                 kernels::collect(v, peaks, at, estimate.floor, collected);
               });
  const bool good = peak < kernels::kFp32Limit;
  ResidualUndo undo(row.e_out, entries, collected.stored(), collected.clear_from);
  const Refold folded(row, feedback);
  Fold refold(folded.row, folded.feedback);
  if (good) {
    const auto count = static_cast<std::uint32_t>(collected.found);
    Row stored;
    stored.grad = entries.value.data();
    stored.n = collected.complete() ? count : 0;
    Fold stored_values(stored, feedback::kNone);
    const Magnitudes all(refold, row.n, workspace.block, progress);
    const Magnitudes some(stored_values, stored.n, workspace.block, progress);
    const Candidates candidates({.row = all,
                                 .collected = some,
                                 .estimate = estimate,
                                 .peak = peak,
                                 .count = count,
                                 .complete = collected.complete(),
                                 .bins = workspace.bins,
                                 .undo = undo});
    pick_entries(candidates, choose(candidates, row), entries, undo);
  } else {
    undo.restore();
  }
  if (feedback.keeps_residual() && !residual_is_v(feedback))
    refold_unsent_residual(row, feedback, refold, workspace.block, progress);
  return good ? RowStatus::good : RowStatus::bad;
}

Sampling Sampling::of(std::uint32_t n, float density, double ratio) {
  // For the smallest densities this exceeds every integer type.
  const double by_density = std::ceil(2.0 / density * (1 - 1e-7));
  if (n <= by_density) return {1, n};
  const auto wanted = static_cast<std::uint64_t>(std::max(std::ceil(n * ratio), by_density));
  auto stride = static_cast<std::uint32_t>((n + 32 * wanted - 1) / (32 * wanted) * 32 + 1);
  while (n / stride < wanted) stride -= 8;
  return {stride, n / stride};
}

std::size_t Sampling::max_samples(std::uint32_t n) const {
  return whole() ? 0 : (std::size_t{n} + stride - 1) / stride;
}

std::span<const float> Sampling::sample(const Row& row, const Feedback& feedback, const Key& key,
                                        std::span<float> memory, std::size_t group) const {
  const std::uint64_t draw = philox(key.stream(), 0, row.layer)[0];
  const std::size_t apart = stride * group;
  const auto start = static_cast<std::size_t>((draw * (apart - group + 1)) >> 32);
  const std::size_t places = (row.n - start - group) / apart + 1;
  const auto samples = memory.first(group * std::min(places, memory.size() / group));
  kernels::sample_magnitudes(row, feedback, {start, apart, group}, samples);
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
  const Exec no_progress;
  ProgressMeter progress(no_progress);
  const Magnitudes all(values, row.n, {}, progress);
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
