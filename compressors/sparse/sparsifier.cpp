#include "terse/compressors/sparse/sparsifier.h"

#include <cmath>
#include <optional>

#include "terse/base/error.h"
#include "terse/compressors/fold_pass.h"
#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/sum.h"
#include "terse/compressors/sparse/magnitude/magnitudes.h"

namespace terse {

using kernels::Fold;

namespace {
constexpr double kRelative = 1e-7;  // above the rounding of a float, 2^-24
constexpr float kInitial = 0.0f;    // receivers add values to it, which turns a -0 into 0
}  // namespace

std::uint32_t floor_share(double n, float density) {
  return static_cast<std::uint32_t>(std::floor(n * density * (1 + kRelative)));
}

std::uint32_t ceil_share(double n, float density) {
  return static_cast<std::uint32_t>(std::ceil(n * density * (1 - kRelative)));
}

std::uint32_t largest_share(std::uint32_t n, float density) {
  return n == 0 ? 0 : std::clamp<std::uint32_t>(floor_share(n, density), 1, n);
}

std::size_t Sparsifier::capacity(std::uint32_t n, float level) const {
  return sparse_capacity(n, max_entries(n, level), values_);
}

std::size_t Sparsifier::entries_bytes(std::uint32_t n, float level) const {
  const std::uint32_t entries = capacity_entries(n, level);
  return scratch_bytes<std::uint32_t>(entries) + 2 * scratch_bytes<float>(entries);
}

std::size_t Sparsifier::scratch(std::uint32_t n, float level) const {
  const std::size_t encode = entries_bytes(n, level) + scratch_bytes<float>(kFoldBlock) +
                             scratch_bytes<std::uint32_t>(kBins) +
                             scratch_bytes<std::uint32_t>(workspace_words(n, level)) +
                             scratch_bytes<std::byte>(values_.workspace());
  const std::size_t decode = scratch_bytes<float>(kernels::kBlock) +
                             scratch_bytes<float>(std::min(n, kChunk)) +
                             SparseReader::scratch(n, max_entries(n, level), values_);
  return std::max(encode, decode);
}

Entries Sparsifier::carve_entries(Scratch& scratch, std::uint32_t n, float level) const {
  const std::uint32_t entries = capacity_entries(n, level);
  const auto index = scratch.take<std::uint32_t>(entries);
  const auto value = scratch.take<float>(entries);
  return {index, value, scratch.take<float>(entries)};
}

Sparsifier::Workspace Sparsifier::carve(Scratch& scratch, std::uint32_t n, float level) const {
  const auto block = scratch.take<float>(kFoldBlock);
  const auto bins = scratch.take<std::uint32_t>(kBins);
  const auto words = scratch.take<std::uint32_t>(workspace_words(n, level));
  return {block, bins, words, scratch.take<std::byte>(values_.workspace())};
}

void Sparsifier::check(float level, const Feedback&) const {
  if (!(level > 0 && level <= 1)) {
    fail<JobError>("codec {} cannot send a density of {}: it takes a number above 0 and at most 1.",
                   name(), level);
  }
}

void Sparsifier::encode(std::span<const Row> rows, const Feedback& feedback, const Key& key,
                        Mailbox& out, const Exec& exec) const {
  ProgressMeter progress(exec);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const Row& row = rows[index];
    require_residual(row, feedback);
    const std::size_t bytes = capacity(row.n, row.level);
    Frame& frame = output_frame(row, out, bytes);
    Scratch scratch(exec.scratch);
    Entries entries = carve_entries(scratch, row.n, row.level);
    const Workspace workspace = carve(scratch, row.n, row.level);
    const RowStatus selected =
        select_and_subtract(row, feedback, key, entries, workspace, progress);
    if (selected == RowStatus::bad) entries.count = 0;
    const SparseMessage message = pack(row, key, entries, frame.space().first(bytes), workspace);
    if (selected == RowStatus::bad || message.status == RowStatus::bad) report_bad_row(exec, index);
    subtract_sent(row, feedback, entries);
    frame.end_row(message.bytes);
  }
}

RowStatus Sparsifier::gather(const Row& row, const Feedback& feedback, float factor,
                             Entries& entries, const Workspace& workspace,
                             ProgressMeter& progress) {
  std::uint32_t next = 0;
  const std::uint32_t peak =
      fold_row(row, feedback, workspace.block, kernels::kBlock, ResidualWrite::now, progress,
               [&](std::uint32_t at, std::span<const float> v, auto) {
                 for (; next < entries.count && entries.index[next] - at < v.size(); ++next)
                   entries.value[next] = factor * v[entries.index[next] - at];
               });
  return peak < kernels::kFp32Limit ? RowStatus::good : RowStatus::bad;
}

SparseMessage Sparsifier::pack(const Row& row, const Key& key, Entries& entries, Bytes payload,
                               const Workspace& workspace) const {
  return write_sparse(payload, row.n, row.layer, key, values_, entries, workspace.values);
}

void Sparsifier::subtract_sent(const Row& row, const Feedback& feedback, const Entries& entries) {
  const bool masks = feedback.clear_velocity && feedback.keeps_velocity();
  for (std::uint32_t i = 0; i < entries.count; ++i) {
    const std::uint32_t at = entries.index[i];
    if (feedback.ed != 0 && !entries.subtracted)
      row.e_out[at] += feedback.ed * (kInitial + entries.decoded[i]);
    if (masks) row.u_out[at] = 0;
  }
}

void Sparsifier::decode(std::span<const Row> rows, const Mailbox& in, float weight,
                        const Feedback& own, const Exec& exec) const {
  ProgressMeter progress(exec);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const Row& row = rows[index];
    const SourceRanks sources = source_ranks_of(row, in);
    const std::uint32_t entries = max_entries(row.n, row.level);
    for (std::size_t rank = sources.begin; rank < sources.end; ++rank) {
      if (!in[rank].present()) continue;
      if (const PayloadError error =
              SparseReader::find_error(in[rank].payload(row.slot), row.n, entries, values_)) {
        throw_damaged(row, index, rank, *error);
      }
    }
    decode_row(row, in, weight, own, exec, progress);
  }
}

// Sums chunk by chunk in scratch memory, as `out` may be the gradient from which this rank's own
// row is folded.
void Sparsifier::decode_row(const Row& row, const Mailbox& in, float weight, const Feedback& own,
                            const Exec& exec, ProgressMeter& progress) const {
  const SourceRanks sources = source_ranks_of(row, in);
  Scratch scratch(exec.scratch);
  const auto block = scratch.take<float>(kernels::kBlock);
  const auto sums = scratch.take<float>(std::min(row.n, kChunk));
  const auto workspace =
      SparseReader::carve(scratch, row.n, max_entries(row.n, row.level), values_);
  std::optional<Fold> fold;
  for (std::uint32_t begin = 0, chunk = 0; begin < row.n; begin += kChunk, ++chunk) {
    const std::uint32_t n = std::min(kChunk, row.n - begin);
    float* const acc = sums.data();
    std::fill_n(acc, n, 0.0f);
    for (std::size_t rank = sources.begin; rank < sources.end; ++rank) {
      if (in[rank].present()) {
        const SparseReader reader(in[rank].payload(row.slot), row.n, values_);
        reader.add_chunk(chunk, weight, acc, workspace);
        continue;
      }
      if (!fold) fold.emplace(row, own);
      for (std::uint32_t at = 0; at < n; at += kernels::kBlock) {
        const std::uint32_t count = std::min(kernels::kBlock, n - at);
        const auto v = fold->rerun(begin + at, block.first(count));
        kernels::add_scaled(v.data(), weight, acc + at, count);
        fold->clear(begin + at, count);
      }
    }
    std::copy_n(acc, n, row.out + begin);
    progress.add(n);
  }
}

}  // namespace terse
