#include "terse/comm/exchange/sparse/sparse_rows.h"

#include <algorithm>

#include "terse/base/error.h"
#include "terse/comm/exchange/group_layout.h"

namespace terse {

std::shared_ptr<const Sparsifier> as_sparsifier(const std::shared_ptr<const Codec>& codec,
                                                std::string_view exchange) {
  auto sparse = std::dynamic_pointer_cast<const Sparsifier>(codec);
  if (sparse == nullptr) {
    fail<JobError>("codec {} is not sparse, and the exchange {} is for sparse codecs only.",
                   codec->name(), exchange);
  }
  return sparse;
}

SparseRows::SparseRows(std::shared_ptr<const Sparsifier> codec, const GroupContext& context)
    : codec_(std::move(codec)) {
  RowBuilder(context, *codec_).add(rows_, context.spec.pieces, 0);
}

void SparseRows::swap_pairs() { swap_row_pairs(rows_); }

std::uint32_t SparseRows::max_entries(std::size_t i) const {
  return codec_->max_entries(rows_[i].n, rows_[i].level);
}

std::uint32_t SparseRows::capacity_entries(std::size_t i) const {
  return codec_->capacity_entries(rows_[i].n, rows_[i].level);
}

void SparseRows::select(Group& group, std::size_t i, Entries& entries,
                        ProgressMeter& progress) const {
  const Row& row = rows_[i];
  require_residual(row, group.feedback);
  Scratch scratch(group.exec.scratch);
  const auto memory = codec_->carve(scratch, row.n, row.level);
  if (codec_->select(row, group.feedback, group.key, entries, memory, progress) == RowStatus::good)
    return;
  entries.count = 0;
  terse::report_bad_row(group.exec, i);
}

void SparseRows::gather(Group& group, std::size_t i, Entries& entries,
                        ProgressMeter& progress) const {
  const Row& row = rows_[i];
  require_residual(row, group.feedback);
  Scratch scratch(group.exec.scratch);
  const auto memory = codec_->carve(scratch, row.n, row.level);
  if (codec_->gather(row, group.feedback, 1, entries, memory, progress) == RowStatus::good) return;
  std::fill_n(entries.value.begin(), entries.count, 0.0f);
  terse::report_bad_row(group.exec, i);
}

void SparseRows::pack(Group& group, std::size_t i, const Key& key, std::uint32_t max_entries,
                      Entries& entries, Frame& frame) const {
  const Row& row = rows_[i];
  Scratch scratch(group.exec.scratch);
  const auto memory = codec_->carve(scratch, row.n, row.level);
  const Bytes space = frame.space().first(sparse_capacity(row.n, max_entries, codec_->values()));
  const SparseMessage message = codec_->pack(row, key, entries, space, memory);
  if (message.status == RowStatus::bad) terse::report_bad_row(group.exec, i);
  frame.end_row(message.bytes);
}

void SparseRows::read(const Group& group, std::size_t i, int sender, ConstBytes payload,
                      std::uint32_t max_entries, Entries& entries) const {
  const Row& row = rows_[i];
  const PayloadError error =
      SparseReader::find_error(payload, row.n, max_entries, codec_->values());
  if (error) throw_damaged(row, i, static_cast<std::size_t>(sender), *error);
  Scratch scratch(group.exec.scratch);
  const auto memory = SparseReader::carve(scratch, row.n, max_entries, codec_->values());
  SparseReader(payload, row.n, codec_->values()).read(entries, memory);
}

void SparseRows::write_mean(std::size_t i, std::span<const std::uint32_t> index,
                            std::span<const float> values, float weight,
                            ProgressMeter& progress) const {
  const Row& row = rows_[i];
  std::fill_n(row.out, row.n, 0.0f);
  for (std::size_t j = 0; j < index.size(); ++j) row.out[index[j]] += weight * values[j];
  progress.add(row.n);
}

Entries take_entries(Scratch& scratch, std::uint32_t capacity_entries) {
  const auto index = scratch.take<std::uint32_t>(capacity_entries);
  const auto value = scratch.take<float>(capacity_entries);
  return {index, value, scratch.take<float>(capacity_entries)};
}

std::size_t entries_bytes(std::uint32_t capacity_entries) {
  return scratch_bytes<std::uint32_t>(capacity_entries) +
         2 * scratch_bytes<float>(capacity_entries);
}

}  // namespace terse
