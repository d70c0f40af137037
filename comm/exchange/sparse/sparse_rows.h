// What the exchanges of sparse codecs do with their rows, besides messages of one round.
#pragma once

#include <memory>
#include <span>

#include "terse/comm/exchange/exchange.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse {

// The codec as what these exchanges need; a JobError names the exchange that cannot do without.
std::shared_ptr<const Sparsifier> as_sparsifier(const std::shared_ptr<const Codec>& codec,
                                                std::string_view exchange);

// The most entries of a piece.
std::uint32_t max_entries_of(const Sparsifier& codec, const Row& row);

// select() with working memory from exec.scratch; a bad row has no entries and is noted in
// group.bad_row.
void select_row(const Sparsifier& codec, Group& group, std::size_t index, Entries& entries,
                Pace& pace);

// pack() of at most `max_entries` entries into the next row of a frame, likewise.
void pack_row(const Sparsifier& codec, Group& group, std::size_t index, const Key& key,
              std::uint32_t max_entries, Entries& entries, Frame& frame);

// What rank `sender` says of row `index`, checked, into entries with room for `max_entries`.
void read_row(const Sparsifier& codec, const Group& group, std::size_t index, int sender,
              ConstBytes payload, std::uint32_t max_entries, Entries& entries);

// out = 0, and weight * value where there are entries.
void write_mean(const Row& row, std::span<const std::uint32_t> index, std::span<const float> values,
                float weight, Pace& pace);

// Gives frames their bodies; returns what is left.
Bytes lend_frames(Mailbox& box, Bytes memory);

// Entries of at most `room`, and the bytes that they take of a workspace.
Entries take_entries(Scratch& scratch, std::uint32_t capacity_entries);
std::size_t entries_bytes(std::uint32_t capacity_entries);

}  // namespace terse
