#include "terse/comm/exchange/reduce_scatter_exchange.h"

#include "terse/base/error.h"
#include "terse/comm/exchange/group_buffers.h"

namespace terse {

GroupBuffers ReduceScatterExchange::build(const GroupContext& context) const {
  const RowBuilder builder(context, *codec_);
  const std::uint32_t block = codec_->traits().block;
  if (block == 0) fail<JobError>("codec {} cannot be cut into shards.", codec_->name());
  GroupBuffers buffers;
  for (int peer = 0; peer < context.world; ++peer) {
    const std::vector<Piece> shard = shard_of(context.spec, block, peer, context.world);
    const std::vector<Piece> mine = shard_of(context.spec, block, context.rank, context.world);
    if (peer == context.rank) {
      buffers.out.emplace_back();
      buffers.in.emplace_back();
      builder.add(buffers.own, mine, kEvery);
      builder.add(buffers.reencode, mine, peer);
    } else {
      buffers.out.push_back(builder.frame(shard));
      buffers.in.push_back(builder.frame(mine));
      builder.add(buffers.send, shard, peer);
    }
    buffers.all.push_back(builder.frame(shard));
    builder.add(buffers.receive, shard, peer);
  }
  // The second encode reads the mean, which stands in `out` unscaled, and has no velocity.
  for (Row& row : buffers.reencode) {
    row.scale = nullptr;
    row.u_in = row.u_out = nullptr;
  }
  buffers.workspace = body_bytes(buffers.out) + body_bytes(buffers.in) + body_bytes(buffers.all);
  return buffers;
}

Task ReduceScatterExchange::run(Group& group, Channel& channel) const {
  GroupBuffers& t = group.buffers;
  scatter(group, channel);
  co_await channel.all_to_all(t.out, t.in);
  reduce(group, channel);
  co_await channel.all_gather(t.all);
  collect(group);
}

void ReduceScatterExchange::scatter(Group& group, Channel& channel) const {
  GroupBuffers& t = group.buffers;
  clear_box(t.out);
  clear_box(t.all);
  codec_->encode(t.send, group.feedback, group.key, t.out, group.exec);
  report_bad_row(group, t.send, channel);
}

void ReduceScatterExchange::reduce(Group& group, Channel& channel) const {
  GroupBuffers& t = group.buffers;
  const int world = channel.size();
  const float weight = codec_->traits().votes ? 1.0f : feedback::weight(group.feedback, world);
  codec_->decode(t.own, t.in, weight, group.feedback, group.exec);
  codec_->encode(t.reencode, feedback::second(group.feedback, world), group.key.next_phase(), t.all,
                 group.exec);
  report_bad_row(group, t.reencode, channel);
}

void ReduceScatterExchange::collect(Group& group) const {
  GroupBuffers& t = group.buffers;
  codec_->decode(t.receive, t.all, 1, feedback::kNone, group.exec);
}

std::size_t ReduceScatterExchange::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                              const GroupSpec& spec, int rank, int world) const {
  const GroupContext context = sizing_context(layers, plan, spec, rank, world);
  const RowBuilder builder(context, *codec_);
  std::size_t bytes = 0;
  for (int peer = 0; peer < world; ++peer) {
    const Body shard = builder.body(shard_of(spec, codec_->traits().block, peer, world));
    bytes += message_bytes(shard) * (peer == rank ? static_cast<std::size_t>(world - 1) : 1);
  }
  return world == 1 ? 0 : bytes;
}

}  // namespace terse
