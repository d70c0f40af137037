#include "terse/comm/exchange/group_layout.h"

#include <algorithm>
#include <utility>

namespace terse {
namespace {

constexpr std::size_t kBodyAlignment = 64;

void swap_pair(const float*& in, float*& out) { in = std::exchange(out, const_cast<float*>(in)); }

}  // namespace

std::vector<Piece> shard_of(const GroupSpec& spec, std::uint32_t block, int owner, int world) {
  const auto blocks_in = [&](const Piece& piece) {
    return (std::uint64_t{piece.n} + block - 1) / block;
  };
  std::uint64_t total = 0;
  for (const Piece& piece : spec.pieces) total += blocks_in(piece);
  const auto edge = [&](int i) {
    return total * static_cast<std::uint64_t>(i) / static_cast<std::uint64_t>(world);
  };
  const std::uint64_t begin = edge(owner), end = edge(owner + 1);

  std::vector<Piece> shard;
  std::uint64_t at = 0;
  for (const Piece& piece : spec.pieces) {
    const std::uint64_t blocks = blocks_in(piece);
    const std::uint64_t from = std::max(begin, at), to = std::min(end, at + blocks);
    if (from < to) {
      const auto first = static_cast<std::uint32_t>((from - at) * block);
      const auto last =
          static_cast<std::uint32_t>(std::min<std::uint64_t>((to - at) * block, piece.n));
      shard.push_back({piece.layer, piece.first + first, last - first});
    }
    at += blocks;
  }
  return shard;
}

Row RowBuilder::row(const Piece& piece, int frame, std::uint32_t slot) const {
  const Layer& layer = context_.layers[piece.layer];
  Row row;
  row.layer = layer.key();
  row.first = piece.first;
  row.n = piece.n;
  row.n0 = layer.rows;
  row.n1 = layer.rows == 0 ? 0 : layer.size / layer.rows;
  row.level = level_.value_or(context_.plan.assignments[piece.layer].level);
  row.frame = static_cast<std::int16_t>(frame);
  row.slot = slot;
  if (layer.grad != nullptr) row.grad = row.out = layer.grad + piece.first;
  if (context_.scales != nullptr && (scheme_.clips || context_.plan.clip_global))
    row.scale = context_.scales + piece.layer;
  if (context_.state == nullptr) return row;
  const auto point_to = [&](std::string_view what, const float*& in, float*& out) {
    const Slot& slot_of = context_.state->slot(layer, what);
    in = slot_of.now() + piece.first;
    out = slot_of.next() + piece.first;
  };
  const Feedback& f = scheme_.feedback;
  if (f.keeps_residual()) point_to(f.integrate ? kEstimate : kResidual, row.e_in, row.e_out);
  if (f.keeps_velocity()) point_to(kVelocity, row.u_in, row.u_out);
  if (f.integrate) point_to(kBase, row.base_in, row.base_out);
  return row;
}

void RowBuilder::add(std::vector<Row>& rows, std::span<const Piece> pieces, int frame) const {
  std::uint32_t slot = 0;
  for (const Piece& piece : pieces) rows.push_back(row(piece, frame, slot++));
}

Frame RowBuilder::frame(std::span<const Piece> pieces) const {
  std::size_t capacity = 0;
  for (const Piece& piece : pieces) {
    const Row one = row(piece, kEvery, 0);
    capacity += codec_.capacity(one.n, one.level);
  }
  return frame(pieces, capacity);
}

Frame RowBuilder::frame(std::span<const Piece> pieces, std::size_t capacity) const {
  std::vector<std::uint32_t> tags;
  for (const Piece& piece : pieces) tags.push_back(row_tag(row(piece, kEvery, 0)));
  return Frame(std::move(tags), capacity);
}

std::size_t body_bytes(std::initializer_list<const Mailbox*> boxes) {
  std::size_t bytes = 0;
  for (const Mailbox* box : boxes) {
    for (const Frame& frame : *box) bytes += round_up(frame.capacity(), kBodyAlignment);
  }
  return bytes;
}

Bytes bind_frames(std::initializer_list<Mailbox*> boxes, Bytes memory) {
  for (Mailbox* box : boxes) {
    for (Frame& frame : *box) {
      if (!frame.present()) continue;
      frame.bind(memory);
      memory = memory.subspan(round_up(frame.capacity(), kBodyAlignment));
    }
  }
  return memory;
}

void clear_frames(Mailbox& box) {
  for (Frame& frame : box) frame.clear();
}

std::size_t message_bytes(const Frame& frame) {
  return sizeof(Header) + kRowBytes * frame.rows() + frame.capacity();
}

std::size_t all_to_all_bytes(const Mailbox& out, int rank) {
  std::size_t bytes = 0;
  for (std::size_t peer = 0; peer < out.size(); ++peer)
    bytes += peer == static_cast<std::size_t>(rank) ? 0 : message_bytes(out[peer]);
  return bytes;
}

std::size_t all_gather_bytes(const Mailbox& all, int rank) {
  return (all.size() - 1) * message_bytes(all[static_cast<std::size_t>(rank)]);
}

void swap_row_pairs(std::span<Row> rows) {
  for (Row& row : rows) {
    swap_pair(row.e_in, row.e_out);
    swap_pair(row.u_in, row.u_out);
    swap_pair(row.base_in, row.base_out);
  }
}

void report_bad_row(Group& group, std::span<const Row> rows, Channel& channel) {
  if (group.bad_row >= 0)
    report_bad_layer(group, rows[static_cast<std::size_t>(group.bad_row)].layer, channel);
}

void report_bad_layer(Group& group, std::uint64_t layer, Channel& channel) {
  StepFlags& flags = channel.flags();
  if (flags.layer == 0) flags.layer = layer;
  flags.raise(kNonFinite, static_cast<std::uint16_t>(channel.rank()));
  group.bad_row = -1;
}

}  // namespace terse
