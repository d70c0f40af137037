// ReduceScatterExchange for codecs whose ranks agree on a scale first, one for each row of the
// group: then codes are whole numbers of it, the owner of a shard adds them up exactly, and the
// sums are sent in as many bits as N ranks can need. Three rounds, none of which rounds a sum. The
// owner's own part is encoded like everybody's.
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"

namespace terse {

class SharedScaleExchange final : public Exchange {
 public:
  explicit SharedScaleExchange(std::shared_ptr<const Codec> codec) : codec_(std::move(codec)) {}
  GroupBuffers build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t) const override { return world > 1 ? 3 : 0; }
  Task run(Group& group, Channel& channel) const override;
  std::size_t sent_bytes(std::span<const Layer> layers, const Plan& plan, const GroupSpec& spec,
                         int rank, int world) const override;

 private:
  void take_largest_scales(GroupBuffers& buffers) const;
  std::shared_ptr<const Codec> codec_;
};

}  // namespace terse
