// All-gather: every rank sends its message to all others and decodes all of them in rank order. One
// round. Where the feedback integrates, the mean is added to the base that all ranks hold alike,
// and the base is the result.
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"

namespace terse {

class AllGatherExchange final : public Exchange {
 public:
  explicit AllGatherExchange(std::shared_ptr<const Codec> codec) : codec_(std::move(codec)) {}
  GroupBuffers build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t) const override { return world > 1 ? 1 : 0; }
  Task run(Group& group, Channel& channel) const override;
  std::size_t sent_bytes(std::span<const Layer> layers, const Plan& plan, const GroupSpec& spec,
                         int rank, int world) const override;

 private:
  std::shared_ptr<const Codec> codec_;
};

}  // namespace terse
