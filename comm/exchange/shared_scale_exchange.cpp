#include "terse/comm/exchange/shared_scale_exchange.h"

#include <algorithm>
#include <cmath>

#include "terse/base/error.h"
#include "terse/comm/exchange/group_buffers.h"
#include "terse/compressors/pass.h"

namespace terse {
namespace {

// One float a row.
Body measures_of(const RowBuilder& builder, std::span<const Piece> pieces) {
  Body body = builder.body(pieces);
  body.capacity = sizeof(float) * pieces.size();
  return body;
}

// The scale of the uncut row that a row of a shard was cut from.
const float* scale_of(const GroupBuffers& buffers, const Row& row) {
  for (std::size_t i = 0; i < buffers.whole.size(); ++i) {
    const Row& whole = buffers.whole[i];
    if (whole.layer == row.layer && row.first - whole.first < whole.n) return &buffers.scales[i];
  }
  fail("a row of a shard is part of no row of its group.");
}

}  // namespace

GroupBuffers SharedScaleExchange::build(const GroupContext& context) const {
  const RowBuilder builder(context, *codec_),
      sums = builder.at_level(static_cast<float>(context.world));
  const std::uint32_t block = codec_->traits().block;
  const std::vector<Piece> mine = shard_of(context.spec, block, context.rank, context.world);
  GroupBuffers buffers;
  builder.add(buffers.whole, context.spec.pieces, context.rank);
  buffers.scales.resize(buffers.whole.size());
  for (int peer = 0; peer < context.world; ++peer) {
    const std::vector<Piece> shard = shard_of(context.spec, block, peer, context.world);
    Body measures = measures_of(builder, context.spec.pieces);
    buffers.measures.emplace_back(std::move(measures.tags), measures.capacity);
    buffers.out.push_back(builder.frame(shard));
    buffers.in.push_back(builder.frame(mine));
    buffers.all.push_back(sums.frame(shard));
    builder.add(buffers.send, shard, peer);
    sums.add(buffers.receive, shard, peer);
  }
  builder.add(buffers.own, mine, kEvery);
  sums.add(buffers.reencode, mine, context.rank);
  for (std::vector<Row>* table : {&buffers.send, &buffers.own, &buffers.reencode}) {
    for (Row& row : *table) row.shared = scale_of(buffers, row);
  }
  for (Row& row : buffers.reencode) row.scale = nullptr;  // reads the sums, which stand in `out`
  buffers.workspace = body_bytes(buffers.out) + body_bytes(buffers.in) + body_bytes(buffers.all) +
                      body_bytes(buffers.measures);
  return buffers;
}

// The largest of all ranks' scales, row by row.
void SharedScaleExchange::take_largest_scales(GroupBuffers& t) const {
  for (std::size_t i = 0; i < t.scales.size(); ++i) {
    t.scales[i] = 0;
    for (std::size_t rank = 0; rank < t.measures.size(); ++rank) {
      const ConstBytes payload = t.measures[rank].payload(i);
      const float scale = payload.size() == sizeof(float) ? load<float>(payload.data()) : -1.0f;
      if (!(scale >= 0 && std::isfinite(scale)))
        damaged(t.whole[i], i, rank, "its scale is no finite number from 0 up");
      t.scales[i] = std::max(t.scales[i], scale);
    }
  }
}

Task SharedScaleExchange::run(Group& group, Channel& channel) const {
  GroupBuffers& t = group.buffers;
  const auto self = static_cast<std::size_t>(channel.rank());
  clear_box(t.measures);
  clear_box(t.out);
  clear_box(t.all);
  codec_->measure(t.whole, group.feedback, t.scales, group.exec);
  report_bad_row(group, t.whole, channel);
  for (const float scale : t.scales) {
    store(t.measures[self].space().data(), scale);
    t.measures[self].end_row(sizeof(scale));
  }
  co_await channel.all_gather(t.measures);
  take_largest_scales(t);
  codec_->encode(t.send, group.feedback, group.key, t.out, group.exec);
  report_bad_row(group, t.send, channel);
  co_await channel.all_to_all(t.out, t.in);
  std::swap(t.out[self], t.in[self]);
  codec_->decode(t.own, t.in, 1, feedback::kNone, group.exec);
  codec_->encode(t.reencode, feedback::kNone, group.key.next_phase(), t.all, group.exec);
  report_bad_row(group, t.reencode, channel);
  co_await channel.all_gather(t.all);
  codec_->decode(t.receive, t.all, feedback::weight(group.feedback, channel.size()),
                 feedback::kNone, group.exec);
}

std::size_t SharedScaleExchange::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                            const GroupSpec& spec, int rank, int world) const {
  const GroupContext context = sizing_context(layers, plan, spec, rank, world);
  const RowBuilder builder(context, *codec_), sums = builder.at_level(static_cast<float>(world));
  const auto peers = static_cast<std::size_t>(world - 1);
  std::size_t bytes = message_bytes(measures_of(builder, spec.pieces)) * peers;
  for (int peer = 0; peer < world; ++peer) {
    const std::vector<Piece> shard = shard_of(spec, codec_->traits().block, peer, world);
    bytes +=
        peer == rank ? message_bytes(sums.body(shard)) * peers : message_bytes(builder.body(shard));
  }
  return world == 1 ? 0 : bytes;
}

}  // namespace terse
