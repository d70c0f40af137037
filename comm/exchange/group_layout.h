// What the states of exchanges are built from: rows of pieces, shards, frames and their memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "terse/comm/exchange/exchange.h"

namespace terse {

// The part of each piece that rank `owner` sums: the group's blocks, in order, in `world` equal
// runs.
std::vector<Piece> shard_of(const GroupSpec& spec, std::uint32_t block, int owner, int world);

// Rows and frames of pieces, with the memory that the scheme's feedback needs.
class RowBuilder {
 public:
  // Keeps references to both.
  RowBuilder(const GroupContext& context, const Codec& codec)
      : context_(context), codec_(codec), scheme_(context.plan.schemes[context.spec.scheme]) {}

  // A builder of rows of this level instead of the plan's.
  RowBuilder at_level(float level) const {
    RowBuilder builder = *this;
    builder.level_ = level;
    return builder;
  }

  Row row(const Piece& piece, int frame, std::uint32_t slot) const;
  void add(std::vector<Row>& rows, std::span<const Piece> pieces, int frame) const;
  // A frame with room for what the codec makes of the pieces.
  Frame frame(std::span<const Piece> pieces) const;
  // The same with a body of `capacity` bytes.
  Frame frame(std::span<const Piece> pieces, std::size_t capacity) const;

 private:
  const GroupContext& context_;
  const Codec& codec_;
  const Scheme& scheme_;
  std::optional<float> level_;
};

// The workspace that frames need for their bodies.
std::size_t body_bytes(std::initializer_list<const Mailbox*> boxes);
// Lends the frames their bodies; returns the rest of the workspace.
Bytes bind_frames(std::initializer_list<Mailbox*> boxes, Bytes memory);
void clear_frames(Mailbox& box);

// Most bytes of a message, framing included, and what rank `rank` sends of such messages in a
// round.
std::size_t message_bytes(const Frame& frame);
std::size_t all_to_all_bytes(const Mailbox& out, int rank);
std::size_t all_gather_bytes(const Mailbox& all, int rank);

// See ExchangeState::swap_pairs().
void swap_row_pairs(std::span<Row> rows);

// After a pass: if it found a bad row, flags the step as non-finite. The next header carries the
// flag to all ranks.
void report_bad_row(Group& group, std::span<const Row> rows, Channel& channel);
void report_bad_layer(Group& group, std::uint64_t layer, Channel& channel);

}  // namespace terse
