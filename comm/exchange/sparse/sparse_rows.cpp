#include "terse/comm/exchange/sparse/sparse_rows.h"

#include <algorithm>

#include "terse/base/error.h"

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

std::uint32_t max_entries_of(const Sparsifier& codec, const Row& row) {
  return codec.max_entries(row.n, row.level);
}

void select_row(const Sparsifier& codec, Group& group, std::size_t index, Entries& entries,
                Pace& pace) {
  const Row& row = group.buffers.send[index];
  require_residual(row, group.feedback);
  Scratch scratch(group.exec.scratch);
  const auto memory = codec.carve(scratch, row.n, row.level);
  if (codec.select(row, group.feedback, group.key, entries, memory, pace)) return;
  entries.count = 0;
  report_bad_row(group.exec, index);
}

void pack_row(const Sparsifier& codec, Group& group, std::size_t index, const Key& key,
              std::uint32_t max_entries, Entries& entries, Frame& frame) {
  const Row& row = group.buffers.send[index];
  Scratch scratch(group.exec.scratch);
  const auto memory = codec.carve(scratch, row.n, row.level);
  bool good = true;
  const Bytes space = frame.space().first(sparse_capacity(row.n, max_entries, codec.values()));
  const std::size_t bytes = codec.pack(row, key, entries, space, memory, good);
  if (!good) report_bad_row(group.exec, index);
  frame.end_row(bytes);
}

void read_row(const Sparsifier& codec, const Group& group, std::size_t index, int sender,
              ConstBytes payload, std::uint32_t max_entries, Entries& entries) {
  const Row& row = group.buffers.send[index];
  const char* what = SparseReader::find_error(payload, row.n, max_entries, codec.values());
  if (what != nullptr) damaged(row, index, static_cast<std::size_t>(sender), what);
  Scratch scratch(group.exec.scratch);
  const auto memory = SparseReader::carve(scratch, row.n, max_entries, codec.values());
  SparseReader(payload, row.n, codec.values()).read(entries, memory);
}

void write_mean(const Row& row, std::span<const std::uint32_t> index, std::span<const float> values,
                float weight, Pace& pace) {
  std::fill_n(row.out, row.n, 0.0f);
  for (std::size_t i = 0; i < index.size(); ++i) row.out[index[i]] += weight * values[i];
  pace.worked(row.n);
}

Bytes lend_frames(Mailbox& box, Bytes memory) {
  for (Frame& frame : box) {
    if (!frame.present()) continue;
    frame.bind(memory);
    memory = memory.subspan(round_up(frame.capacity(), 64));
  }
  return memory;
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
