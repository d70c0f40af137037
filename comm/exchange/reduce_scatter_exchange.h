// Scatter-reduce and all-gather: each rank owns a shard, sums it in rank order in fp32 and sends it
// out encoded again. Two rounds. The owner's own part is never rounded on the way in, so its
// residual holds the second rounding's error. Where the codec votes, the second encode is the
// majority of the signs.
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"

namespace terse {

class ReduceScatterExchange final : public Exchange {
 public:
  explicit ReduceScatterExchange(std::shared_ptr<const Codec> codec) : codec_(std::move(codec)) {}
  GroupBuffers build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t) const override { return world > 1 ? 2 : 0; }
  Task run(Group& group, Channel& channel) const override;
  // The passes of run(), for an exchange that has such a sum among its rounds: before
  // all_to_all(out, in), between it and all_gather(all), and after that.
  void scatter(Group& group, Channel& channel) const;
  void reduce(Group& group, Channel& channel) const;
  void collect(Group& group) const;
  std::size_t sent_bytes(std::span<const Layer> layers, const Plan& plan, const GroupSpec& spec,
                         int rank, int world) const override;

 private:
  std::shared_ptr<const Codec> codec_;
};

}  // namespace terse
