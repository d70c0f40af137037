// Reduce-scatter for codecs whose ranks agree on a scale first, one for each row of the group:
// codes are then integer multiples of it, the owner of a shard adds them up exactly, and the sums
// are sent in as many bits as N ranks can need. Three rounds, none of which rounds a sum. The
// owner's own part is encoded like all others.
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"

namespace terse {

class SharedScaleExchange final : public Exchange {
 public:
  explicit SharedScaleExchange(std::shared_ptr<const Codec> codec) : codec_(std::move(codec)) {}
  std::unique_ptr<ExchangeState> build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t) const override { return world > 1 ? 3 : 0; }

 private:
  std::shared_ptr<const Codec> codec_;
};

}  // namespace terse
