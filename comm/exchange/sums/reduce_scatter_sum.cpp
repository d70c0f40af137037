#include "terse/comm/exchange/sums/reduce_scatter_sum.h"

#include "terse/base/error.h"
#include "terse/comm/exchange/group_layout.h"

namespace terse {

ReduceScatterSum::ReduceScatterSum(std::shared_ptr<const Codec> codec, const GroupContext& context)
    : codec_(std::move(codec)), rank_(context.rank) {
  const RowBuilder builder(context, *codec_);
  const std::uint32_t block = codec_->traits().block;
  if (block == 0) fail<JobError>("codec {} cannot be cut into shards.", codec_->name());
  const std::vector<Piece> mine = shard_of(context.spec, block, context.rank, context.world);
  for (int peer = 0; peer < context.world; ++peer) {
    const std::vector<Piece> shard = shard_of(context.spec, block, peer, context.world);
    if (peer == context.rank) {
      out.emplace_back();
      in.emplace_back();
      builder.add(own, mine, kEvery);
      builder.add(reencode, mine, peer);
    } else {
      out.push_back(builder.frame(shard));
      in.push_back(builder.frame(mine));
      builder.add(send, shard, peer);
    }
    all.push_back(builder.frame(shard));
    builder.add(receive, shard, peer);
  }
  // The second encode reads the mean, which stands in `out` unscaled, and has no velocity.
  for (Row& row : reencode) {
    row.scale = nullptr;
    row.u_in = row.u_out = nullptr;
  }
}

void ReduceScatterSum::scatter(Group& group, Channel& channel) {
  clear_frames(out);
  clear_frames(all);
  codec_->encode(send, group.feedback, group.key, out, group.exec);
  report_bad_row(group, send, channel);
}

void ReduceScatterSum::reduce(Group& group, Channel& channel) {
  const int world = channel.size();
  const float weight =
      codec_->traits().majority_vote ? 1.0f : feedback::weight(group.feedback, world);
  codec_->decode(own, in, weight, group.feedback, group.exec);
  codec_->encode(reencode, feedback::second(group.feedback, world), group.key.next_phase(), all,
                 group.exec);
  report_bad_row(group, reencode, channel);
}

void ReduceScatterSum::collect(Group& group) {
  codec_->decode(receive, all, 1, feedback::kNone, group.exec);
}

std::size_t ReduceScatterSum::workspace_bytes() const { return body_bytes({&out, &in, &all}); }

Bytes ReduceScatterSum::bind_workspace(Bytes memory) {
  return bind_frames({&out, &in, &all}, memory);
}

std::size_t ReduceScatterSum::sent_bytes() const {
  return all_to_all_bytes(out, rank_) + all_gather_bytes(all, rank_);
}

void ReduceScatterSum::swap_pairs() {
  for (std::vector<Row>* rows : {&send, &own, &reencode, &receive}) swap_row_pairs(*rows);
}

}  // namespace terse
