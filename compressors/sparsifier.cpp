#include "terse/compressors/sparsifier.h"

#include <array>
#include <cmath>
#include <optional>

#include "terse/base/error.h"
#include "terse/compressors/kernels/fold.h"
#include "terse/compressors/kernels/half.h"
#include "terse/compressors/sparse.h"

namespace terse {

using kernels::Fold;

namespace {
constexpr double kRelative = 1e-7;   // above the rounding of a float, 2^-24
constexpr float kNothingYet = 0.0f;  // what a receiver adds to: it reads a -0 as 0
constexpr std::array<float, kernels::kBlock> kUnsent{};

// Where v stands while a row's entries are chosen: nowhere, if it is a multiple of the gradient
// that each look makes anew; in the place of the new residual, if that is v where nothing was sent;
// else in the row's `out`, over the gradient that is not needed any more.
std::span<float> place_of_v(const Row& row, const Feedback& feedback) {
  if (feedback.keeps_residual() && feedback.keeps_unsent()) return {row.e_out, row.n};
  const bool plain = kernels::shape_of(feedback) == kernels::Shape::none;
  if (plain && !feedback.keeps_residual()) return {};
  if (row.out == nullptr && row.n > 0)
    fail("a row of {} elements has no place for what its feedback makes of it.", row.n);
  return {row.out, row.n};
}

// The residual of a row whose v stands aside, as its sent elements become known in order.
class Keeper {
 public:
  Keeper(const Fold& fold, std::span<const float> v) : fold_(fold), v_(v) {}
  void sent(std::uint32_t index, float dec) {
    unsent_until(index);
    fold_.keep(index, v_.subspan(index, 1), &dec);
    done_ = index + 1;
  }
  void unsent_until(std::uint32_t end) {
    while (done_ < end) {
      const std::uint32_t n = std::min(kernels::kBlock, end - done_);
      fold_.keep(done_, v_.subspan(done_, n), kUnsent.data());
      done_ += n;
    }
  }

 private:
  const Fold& fold_;
  std::span<const float> v_;
  std::uint32_t done_ = 0;
};
}  // namespace

std::uint32_t floor_share(double n, float density) {
  return static_cast<std::uint32_t>(std::floor(n * density * (1 + kRelative)));
}

std::uint32_t ceil_share(double n, float density) {
  return static_cast<std::uint32_t>(std::ceil(n * density * (1 - kRelative)));
}

std::size_t Sparsifier::capacity(std::uint32_t n, float level) const {
  return SparseLayout(n, most(n, level)).bytes;
}

std::size_t Sparsifier::scratch(std::uint32_t n, float level) const {
  const std::size_t encode = scratch_bytes<float>(kernels::kBlock) +
                             scratch_bytes<std::uint32_t>(kBins) +
                             scratch_bytes<std::uint32_t>(samples(n, level));
  const std::size_t decode =
      scratch_bytes<float>(kernels::kBlock) + scratch_bytes<float>(std::min(n, kChunk));
  return std::max(encode, decode);
}

void Sparsifier::check(float level, const Feedback&) const {
  if (!(level > 0 && level <= 1)) {
    fail<JobError>("codec {} cannot send a density of {}: it takes a number above 0 and at most 1.",
                   name(), level);
  }
}

void Sparsifier::encode(std::span<const Row> rows, const Feedback& feedback, const Key& key,
                        Mailbox& out, const Exec& exec) const {
  Pace pace(exec);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const Row& row = rows[index];
    require_residual(row, feedback);
    const std::size_t bytes = capacity(row.n, row.level);
    Frame& frame = frame_for(row, out, bytes);
    Scratch scratch(exec.scratch);
    const auto block = scratch.take<float>(kernels::kBlock);
    const auto bins = scratch.take<std::uint32_t>(kBins);
    const Memory memory{block, bins, scratch.take<std::uint32_t>(samples(row.n, row.level))};
    bool good = true;
    const std::size_t used =
        encode_row(row, feedback, key, frame.space().first(bytes), memory, pace, good);
    if (!good) report_bad_row(exec, index);
    frame.end_row(used);
  }
}

std::size_t Sparsifier::encode_row(const Row& row, const Feedback& feedback, const Key& key,
                                   Bytes payload, const Memory& memory, Pace& pace,
                                   bool& good) const {
  const std::span<float> place = place_of_v(row, feedback);
  const bool aside = !place.empty() && feedback.keeps_residual() && place.data() != row.e_out;
  const bool fix = feedback.keeps_residual() && !aside && feedback.ed != 0;
  Fold fold(row, feedback);
  for (std::uint32_t at = 0; at < row.n; at += kernels::kBlock) {
    const std::uint32_t n = std::min(kernels::kBlock, row.n - at);
    const std::span<float> into = place.empty() ? memory.block.first(n) : place.subspan(at, n);
    const std::span<const float> v = fold.run(at, into);
    if (!place.empty() && v.data() != into.data()) std::copy(v.begin(), v.end(), into.begin());
    pace.worked(n);
  }

  good = fold.peak() < kernels::kFp32Limit;
  const float factor = !place.empty() || row.scale == nullptr ? 1.0f : *row.scale;
  const Magnitudes v(place.empty() ? std::span(row.grad, row.n) : place, factor, memory.block,
                     pace);
  const Choice choice =
      good && row.n > 0 ? choose(v, row, key, memory) : Choice{0, 0, most(row.n, row.level)};
  const SparseLayout layout(row.n, choice.count);
  SparseWriter writer(payload.first(layout.bytes), row.n, choice.count);
  if (!good) {
    for (std::uint32_t index = 0; index < choice.count; ++index) writer.add(index, 0.0f);
  } else {
    const bool masks = feedback.clear_velocity && feedback.keeps_velocity();
    std::uint32_t left = choice.count, ties = choice.ties;
    Keeper keeper(fold, place);
    v.visit(choice.threshold, kernels::kLargestMagnitude,
            [&](std::uint32_t index, float value, std::uint32_t m) {
              if (left == 0 || (m == choice.threshold && ties == 0)) return;
              if (m == choice.threshold) --ties;
              --left;
              writer.add(index, value);
              if (fix) row.e_out[index] = value + feedback.ed * (kNothingYet + value);
              if (aside) keeper.sent(index, kNothingYet + value);
              if (masks) row.u_out[index] = 0;
            });
    if (aside) keeper.unsent_until(row.n);
  }
  writer.finish();
  return layout.bytes;
}

void Sparsifier::decode(std::span<const Row> rows, const Mailbox& in, float weight,
                        const Feedback& own, const Exec& exec) const {
  Pace pace(exec);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const Row& row = rows[index];
    const Senders senders = senders_of(row, in);
    const std::uint32_t entries = most(row.n, row.level);
    for (std::size_t rank = senders.begin; rank < senders.end; ++rank) {
      if (!in[rank].present()) continue;
      const char* what = SparseReader::contradiction(in[rank].payload(row.slot), row.n, entries);
      if (what != nullptr) damaged(row, index, rank, what);
    }
    decode_row(row, in, weight, own, exec, pace);
  }
}

// Chunk by chunk, as `out` may be the gradient that this rank's own part is folded from: then the
// sum stands in the scratch.
void Sparsifier::decode_row(const Row& row, const Mailbox& in, float weight, const Feedback& own,
                            const Exec& exec, Pace& pace) const {
  const Senders senders = senders_of(row, in);
  Scratch scratch(exec.scratch);
  const auto block = scratch.take<float>(kernels::kBlock);
  const auto sums = scratch.take<float>(std::min(row.n, kChunk));
  std::optional<Fold> fold;
  for (std::uint32_t begin = 0, chunk = 0; begin < row.n; begin += kChunk, ++chunk) {
    const std::uint32_t n = std::min(kChunk, row.n - begin);
    float* const acc = sums.data();
    std::fill_n(acc, n, 0.0f);
    for (std::size_t rank = senders.begin; rank < senders.end; ++rank) {
      if (in[rank].present()) {
        const SparseReader reader(in[rank].payload(row.slot), row.n);
        reader.add_chunk(chunk, weight, acc);
        continue;
      }
      if (!fold) fold.emplace(row, own);
      for (std::uint32_t at = 0; at < n; at += kernels::kBlock) {
        const std::uint32_t count = std::min(kernels::kBlock, n - at);
        const auto v = fold->run(begin + at, block.first(count));
        kernels::add_scaled(v.data(), weight, acc + at, count);
        fold->clear(begin + at, count);
      }
    }
    std::copy_n(acc, n, row.out + begin);
    pace.worked(n);
  }
}

}  // namespace terse
