#include <algorithm>
#include <bit>
#include <limits>

#include "terse/compressors/fold_pass.h"
#include "terse/compressors/kernels/cpu/select/collect.h"
#include "terse/compressors/kernels/cpu/select/select.h"
#include "terse/compressors/sparse/magnitude/keep_largest.h"
#include "terse/compressors/sparse/sparsifier.h"
#include "terse/compressors/sparse/topk.h"

namespace terse {
namespace {

constexpr std::uint32_t kPart = 4096;
static_assert(kPart <= kFoldBlock);
// Neighboring parts are alike: where the next part's largest are looked for, as a share of the
// least one sent of this part.
constexpr float kSlack = 0.97f;

// Where to look if there are too few: at four fifths, and soon at everything.
std::uint32_t lower(std::uint32_t floor) {
  constexpr float kShare = 0.8f, kLeast = 1e-19f;
  const float bound = std::bit_cast<float>(floor) * kShare;
  const bool useful = bound >= kLeast && bound < std::numeric_limits<float>::infinity();
  return useful ? kernels::magnitude(bound) : 0;
}

class TopKChunk final : public Sparsifier {
 public:
  using Sparsifier::Sparsifier;
  std::string name() const override { return "topk_chunk"; }
  std::uint32_t max_entries(std::uint32_t n, float level) const override {
    return n / kPart * largest_share(kPart, level) + largest_share(n % kPart, level);
  }
  // A part is collected whole at worst, and then cut to its share.
  std::uint32_t capacity_entries(std::uint32_t n, float level) const override {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(n, std::uint64_t{max_entries(n, level)} + kPart));
  }

  RowStatus select(const Row& row, const Feedback& feedback, const Key&, Entries& entries,
                   const Workspace& workspace, ProgressMeter& progress) const override {
    entries.count = 0;
    std::uint32_t floor = 0;
    const std::uint32_t peak =
        fold_row(row, feedback, workspace.block, kPart, ResidualWrite::now, progress,
                 [&](std::uint32_t at, std::span<const float> v, auto peaks) {
                   floor = add_part(at, v, peaks, row.level, floor, entries, workspace.words);
                 });
    const bool good = peak < kernels::kFp32Limit;
    if (!good) entries.count = 0;
    return good ? RowStatus::good : RowStatus::bad;
  }

 protected:
  std::size_t workspace_words(std::uint32_t n, float) const override { return std::min(n, kPart); }

 private:
  // Adds the largest of a part; returns a guess of where the next part's begin. The guess is about
  // speed alone.
  static std::uint32_t add_part(std::uint32_t at, std::span<const float> v,
                                std::span<const std::uint32_t> peaks, float level,
                                std::uint32_t floor, Entries& entries,
                                std::span<std::uint32_t> order) {
    const auto n = static_cast<std::uint32_t>(v.size());
    const std::uint32_t k = largest_share(n, level), begin = entries.count;
    kernels::Collected candidates{&entries.index[begin], &entries.value[begin],
                                  entries.index.size() - begin};
    kernels::collect(v, peaks, at, floor, candidates);
    while (candidates.found < k) {
      floor = lower(floor);
      candidates.found = 0;
      kernels::collect(v, peaks, at, floor, candidates);
    }
    const std::span<std::uint32_t> index(candidates.index, candidates.found);
    const std::span<float> value(candidates.value, candidates.found);
    const LargestFilter filter(value, k, order);
    entries.count += keep_largest(filter, index, value);
    return kernels::magnitude(std::bit_cast<float>(filter.least()) * kSlack);
  }
};

}  // namespace

std::shared_ptr<const Codec> make_topk_chunk(const CodecOptions& options) {
  return std::make_shared<TopKChunk>(ValueCodec::named(options));
}

}  // namespace terse
