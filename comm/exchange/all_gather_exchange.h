// All-gather: every rank sends its message to all others and decodes all of them in rank order. One
// round. If the feedback integrates, the mean is added to the base, which is the same on all ranks,
// and the base is the result.
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"

namespace terse {

class AllGatherExchange final : public Exchange {
 public:
  explicit AllGatherExchange(std::shared_ptr<const Codec> codec) : codec_(std::move(codec)) {}
  std::unique_ptr<ExchangeState> build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t) const override { return world > 1 ? 1 : 0; }

 private:
  std::shared_ptr<const Codec> codec_;
};

}  // namespace terse
