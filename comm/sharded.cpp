#include "terse/comm/sharded.h"

#include "terse/base/error.h"
#include "terse/comm/tables.h"

namespace terse {

Tables Sharded::build(const Site& site) const {
  const RowBuilder builder(site, *codec_);
  const std::uint32_t block = codec_->traits().block;
  if (block == 0) fail<JobError>("codec {} cannot be cut into shards.", codec_->name());
  Tables tables;
  for (int peer = 0; peer < site.world; ++peer) {
    const std::vector<Piece> shard = shard_of(site.spec, block, peer, site.world);
    const std::vector<Piece> mine = shard_of(site.spec, block, site.rank, site.world);
    if (peer == site.rank) {
      tables.out.emplace_back();
      tables.in.emplace_back();
      builder.add(tables.own, mine, kEvery);
      builder.add(tables.again, mine, peer);
    } else {
      tables.out.push_back(builder.frame(shard));
      tables.in.push_back(builder.frame(mine));
      builder.add(tables.send, shard, peer);
    }
    tables.all.push_back(builder.frame(shard));
    builder.add(tables.receive, shard, peer);
  }
  // The second encode reads the mean, which stands in `out` unscaled, and has no velocity.
  for (Row& row : tables.again) {
    row.scale = nullptr;
    row.u_in = row.u_out = nullptr;
  }
  tables.workspace = body_bytes(tables.out) + body_bytes(tables.in) + body_bytes(tables.all);
  return tables;
}

Task Sharded::run(Group& group, Channel& channel) const {
  Tables& t = group.tables;
  scatter(group, channel);
  co_await channel.all_to_all(t.out, t.in);
  reduce(group, channel);
  co_await channel.all_gather(t.all);
  collect(group);
}

void Sharded::scatter(Group& group, Channel& channel) const {
  Tables& t = group.tables;
  clear_box(t.out);
  clear_box(t.all);
  codec_->encode(t.send, group.feedback, group.key, t.out, group.exec);
  report_bad_row(group, t.send, channel);
}

void Sharded::reduce(Group& group, Channel& channel) const {
  Tables& t = group.tables;
  const int world = channel.size();
  const float weight = codec_->traits().votes ? 1.0f : feedback::weight(group.feedback, world);
  codec_->decode(t.own, t.in, weight, group.feedback, group.exec);
  codec_->encode(t.again, feedback::second(group.feedback, world), group.key.again(), t.all,
                 group.exec);
  report_bad_row(group, t.again, channel);
}

void Sharded::collect(Group& group) const {
  Tables& t = group.tables;
  codec_->decode(t.receive, t.all, 1, feedback::kNone, group.exec);
}

std::size_t Sharded::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                const GroupSpec& spec, int rank, int world) const {
  const Site site = sizes_only(layers, plan, spec, rank, world);
  const RowBuilder builder(site, *codec_);
  std::size_t bytes = 0;
  for (int peer = 0; peer < world; ++peer) {
    const Body shard = builder.body(shard_of(spec, codec_->traits().block, peer, world));
    bytes += message_bytes(shard) * (peer == rank ? static_cast<std::size_t>(world - 1) : 1);
  }
  return world == 1 ? 0 : bytes;
}

}  // namespace terse
