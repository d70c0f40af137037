// The sum of a group by reduce-scatter and all-gather: each rank owns a shard, sums it in rank
// order in fp32 and sends it out, encoded again. Two rounds. The owner's own part is not rounded on
// the way in, so its residual holds the error of the second rounding. Where the codec votes, the
// second encode is the majority of the signs.
//
//   sum.scatter(group, channel);
//   co_await channel.all_to_all(sum.out, sum.in);
//   sum.reduce(group, channel);
//   co_await channel.all_gather(sum.all);
//   sum.collect(group);
#pragma once

#include <memory>
#include <vector>

#include "terse/comm/exchange/exchange.h"

namespace terse {

class ReduceScatterSum {
 public:
  // Throws JobError if the codec cannot cut a layer.
  ReduceScatterSum(std::shared_ptr<const Codec> codec, const GroupContext& context);

  void scatter(Group& group, Channel& channel);
  void reduce(Group& group, Channel& channel);
  void collect(Group& group);

  // As ExchangeState's; bind_workspace() returns the rest.
  std::size_t workspace_bytes() const;
  Bytes bind_workspace(Bytes memory);
  std::size_t sent_bytes() const;
  void swap_pairs();

  Mailbox out, in, all;
  std::vector<Row> send, own, reencode, receive;

 private:
  std::shared_ptr<const Codec> codec_;
  int rank_;
};

}  // namespace terse
