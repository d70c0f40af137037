// The rows of a group under a sparse codec, with the passes that exchanges with several rounds make
// over them one by one.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "terse/comm/exchange/exchange.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse {

// Throws JobError, naming the exchange, if the codec is not a Sparsifier.
std::shared_ptr<const Sparsifier> as_sparsifier(const std::shared_ptr<const Codec>& codec,
                                                std::string_view exchange);

class SparseRows {
 public:
  SparseRows(std::shared_ptr<const Sparsifier> codec, const GroupContext& context);

  std::size_t size() const { return rows_.size(); }
  const Row& operator[](std::size_t i) const { return rows_[i]; }
  operator std::span<const Row>() const { return rows_; }
  const Sparsifier& codec() const { return *codec_; }
  void swap_pairs();

  // The most entries that row i may send, and the capacity that select() needs.
  std::uint32_t max_entries(std::size_t i) const;
  std::uint32_t capacity_entries(std::size_t i) const;

  // The codec's select(), with working memory from group.exec.scratch. A bad row has no entries and
  // is noted in group.bad_row.
  void select(Group& group, std::size_t i, Entries& entries, ProgressMeter& progress) const;

  // The values of row i at given indices, likewise; zeros for a bad row.
  void gather(Group& group, std::size_t i, Entries& entries, ProgressMeter& progress) const;

  // Writes at most `max_entries` entries as the next row of a frame, likewise.
  void pack(Group& group, std::size_t i, const Key& key, std::uint32_t max_entries,
            Entries& entries, Frame& frame) const;

  // Reads what rank `sender` sent of row i into entries with capacity for `max_entries`. Throws
  // DamagedMessage.
  void read(const Group& group, std::size_t i, int sender, ConstBytes payload,
            std::uint32_t max_entries, Entries& entries) const;

  // out = 0, and weight * value at the indices.
  void write_mean(std::size_t i, std::span<const std::uint32_t> index,
                  std::span<const float> values, float weight, ProgressMeter& progress) const;

 private:
  std::shared_ptr<const Sparsifier> codec_;
  std::vector<Row> rows_;
};

// Entries of at most `capacity_entries`, and the bytes that they take of a workspace.
Entries take_entries(Scratch& scratch, std::uint32_t capacity_entries);
std::size_t entries_bytes(std::uint32_t capacity_entries);

}  // namespace terse
