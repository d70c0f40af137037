#include "terse/comm/shared_scale.h"

#include <algorithm>
#include <cmath>

#include "terse/base/error.h"
#include "terse/comm/tables.h"
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
const float* scale_of(const Tables& tables, const Row& row) {
  for (std::size_t i = 0; i < tables.whole.size(); ++i) {
    const Row& whole = tables.whole[i];
    if (whole.layer == row.layer && row.first - whole.first < whole.n) return &tables.scales[i];
  }
  fail("a row of a shard is part of no row of its group.");
}

}  // namespace

Tables SharedScale::build(const Site& site) const {
  const RowBuilder builder(site, *codec_), sums = builder.at_level(static_cast<float>(site.world));
  const std::uint32_t block = codec_->traits().block;
  const std::vector<Piece> mine = shard_of(site.spec, block, site.rank, site.world);
  Tables tables;
  builder.add(tables.whole, site.spec.pieces, site.rank);
  tables.scales.resize(tables.whole.size());
  for (int peer = 0; peer < site.world; ++peer) {
    const std::vector<Piece> shard = shard_of(site.spec, block, peer, site.world);
    Body measures = measures_of(builder, site.spec.pieces);
    tables.measures.emplace_back(std::move(measures.tags), measures.capacity);
    tables.out.push_back(builder.frame(shard));
    tables.in.push_back(builder.frame(mine));
    tables.all.push_back(sums.frame(shard));
    builder.add(tables.send, shard, peer);
    sums.add(tables.receive, shard, peer);
  }
  builder.add(tables.own, mine, kEvery);
  sums.add(tables.again, mine, site.rank);
  for (std::vector<Row>* table : {&tables.send, &tables.own, &tables.again}) {
    for (Row& row : *table) row.shared = scale_of(tables, row);
  }
  for (Row& row : tables.again) row.scale = nullptr;  // reads the sums, which stand in `out`
  tables.workspace = body_bytes(tables.out) + body_bytes(tables.in) + body_bytes(tables.all) +
                     body_bytes(tables.measures);
  return tables;
}

// The largest of all ranks' scales, row by row.
void SharedScale::agree(Tables& t) const {
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

Task SharedScale::run(Group& group, Channel& channel) const {
  Tables& t = group.tables;
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
  agree(t);
  codec_->encode(t.send, group.feedback, group.key, t.out, group.exec);
  report_bad_row(group, t.send, channel);
  co_await channel.all_to_all(t.out, t.in);
  std::swap(t.out[self], t.in[self]);
  codec_->decode(t.own, t.in, 1, feedback::kNone, group.exec);
  codec_->encode(t.again, feedback::kNone, group.key.again(), t.all, group.exec);
  report_bad_row(group, t.again, channel);
  co_await channel.all_gather(t.all);
  codec_->decode(t.receive, t.all, feedback::weight(group.feedback, channel.size()),
                 feedback::kNone, group.exec);
}

std::size_t SharedScale::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                    const GroupSpec& spec, int rank, int world) const {
  const Site site = sizes_only(layers, plan, spec, rank, world);
  const RowBuilder builder(site, *codec_), sums = builder.at_level(static_cast<float>(world));
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
