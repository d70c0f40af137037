// PowerSGD among ranks (Vogels et al. 2019, algorithms 1 and 2): the P of all layers are summed and
// orthonormalized, then the Q of all layers are summed; every rank subtracts the same P Q^T from
// its residual. Four rounds. Q is kept in the CompressorState as "basis" and starts the next step.
//
// Alternating (the second version of the authors' code): even steps sum P, odd steps Q, and the
// other side stays as it was; a rank subtracts its own P Q^T. Two rounds. The basis is Q and P.
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"

namespace terse {

class LowRankExchange final : public Exchange {
 public:
  explicit LowRankExchange(bool alternating) : alternating_(alternating) {}
  // Throws JobError where a layer is not a matrix.
  std::unique_ptr<ExchangeState> build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t step) const override;

 private:
  bool alternating_;
};

}  // namespace terse
