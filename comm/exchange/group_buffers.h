// What the exchanges build their tables with: rows of a run of pieces, shards, frames and their
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "terse/comm/exchange/exchange.h"

namespace terse {

// The part of each piece that rank `owner` sums: the group's blocks, in order, in `world` equal
// runs.
std::vector<Piece> shard_of(const GroupSpec& spec, std::uint32_t block, int owner, int world);

// What a frame of some pieces holds, as both sides compute it.
struct Body {
  std::vector<std::uint32_t> tags;
  std::size_t capacity = 0;
};

// Rows of a run of pieces, with the memory that the scheme's feedback asks for.
class RowBuilder {
 public:
  RowBuilder(const GroupContext& context, const Codec& codec)
      : context_(context), codec_(codec), scheme_(context.plan.schemes[context.spec.scheme]) {}

  // Rows of this level, rather than the plan's.
  RowBuilder at_level(float level) const {
    RowBuilder builder = *this;
    builder.level_ = level;
    return builder;
  }

  Row row(const Piece& piece, int frame, std::uint32_t slot) const;
  void add(std::vector<Row>& table, std::span<const Piece> pieces, int frame) const;
  Body body(std::span<const Piece> pieces) const;
  Frame frame(std::span<const Piece> pieces) const;

 private:
  const GroupContext& context_;
  const Codec& codec_;
  const Scheme& scheme_;
  std::optional<float> level_;
};

std::size_t body_bytes(const Mailbox& box);   // of all its frames, aligned
std::size_t message_bytes(const Body& body);  // framing included
void clear_box(Mailbox& box);

// After an encode: a row that could not be sent becomes a flag, which the next header carries to
// everybody.
void report_bad_row(Group& group, std::span<const Row> rows, Channel& channel);

// A site that only wants to know sizes.
GroupContext sizing_context(std::span<const Layer> layers, const Plan& plan, const GroupSpec& spec,
                            int rank, int world);

}  // namespace terse
