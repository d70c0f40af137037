// Reduce-scatter and all-gather of the gradients themselves: see ReduceScatterSum. Two rounds.
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"

namespace terse {

class ReduceScatterExchange final : public Exchange {
 public:
  explicit ReduceScatterExchange(std::shared_ptr<const Codec> codec) : codec_(std::move(codec)) {}
  std::unique_ptr<ExchangeState> build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t) const override { return world > 1 ? 2 : 0; }

 private:
  std::shared_ptr<const Codec> codec_;
};

}  // namespace terse
