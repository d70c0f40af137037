#include "terse/comm/exchange/group_buffers.h"

#include <algorithm>

namespace terse {
namespace {

constexpr std::size_t kBodyAlignment = 64;

Bytes lend_box(Mailbox& box, Bytes memory) {
  for (Frame& frame : box) {
    if (!frame.present()) continue;
    frame.bind(memory);
    memory = memory.subspan(round_up(frame.capacity(), kBodyAlignment));
  }
  return memory;
}

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
  const auto remember = [&](std::string_view what, const float*& in, float*& out) {
    const Slot& slot_of = context_.state->slot(layer, what);
    in = slot_of.now() + piece.first;
    out = slot_of.next() + piece.first;
  };
  const Feedback& f = scheme_.feedback;
  if (f.keeps_residual()) remember(f.integrate ? kEstimate : kResidual, row.e_in, row.e_out);
  if (f.keeps_velocity()) remember(kVelocity, row.u_in, row.u_out);
  if (f.integrate) remember(kBase, row.base_in, row.base_out);
  return row;
}

void RowBuilder::add(std::vector<Row>& table, std::span<const Piece> pieces, int frame) const {
  std::uint32_t slot = 0;
  for (const Piece& piece : pieces) table.push_back(row(piece, frame, slot++));
}

Body RowBuilder::body(std::span<const Piece> pieces) const {
  Body body;
  for (const Piece& piece : pieces) {
    const Row one = row(piece, kEvery, 0);
    body.tags.push_back(row_tag(one));
    body.capacity += codec_.capacity(one.n, one.level);
  }
  return body;
}

Frame RowBuilder::frame(std::span<const Piece> pieces) const {
  Body b = body(pieces);
  return Frame(std::move(b.tags), b.capacity);
}

std::size_t body_bytes(const Mailbox& box) {
  std::size_t bytes = 0;
  for (const Frame& frame : box) bytes += round_up(frame.capacity(), kBodyAlignment);
  return bytes;
}

void clear_box(Mailbox& box) {
  for (Frame& frame : box) frame.clear();
}

std::size_t message_bytes(const Body& body) {
  return sizeof(Header) + kRowBytes * body.tags.size() + body.capacity;
}

void report_bad_row(Group& group, std::span<const Row> rows, Channel& channel) {
  if (group.bad_row < 0) return;
  StepFlags& flags = channel.flags();
  if (flags.layer == 0) flags.layer = rows[static_cast<std::size_t>(group.bad_row)].layer;
  flags.raise(kNonFinite, static_cast<std::uint16_t>(channel.rank()));
  group.bad_row = -1;
}

GroupContext sizing_context(std::span<const Layer> layers, const Plan& plan, const GroupSpec& spec,
                            int rank, int world) {
  return {layers, plan, spec, rank, world, nullptr, nullptr};
}

void GroupBuffers::bind_workspace(Bytes memory) {
  memory = lend_box(out, memory);
  memory = lend_box(in, memory);
  memory = lend_box(all, memory);
  memory = lend_box(measures, memory);
  if (state != nullptr) state->bind_workspace(memory);
}

}  // namespace terse
