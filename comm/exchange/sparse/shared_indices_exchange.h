// All ranks send the values of the same elements, so that a sum over dense vectors of k values
// carries them. Two rounds, with values as the codec writes them; the rounding goes to the
// residual.
//
// All ranks choose the same indices, from the shared key (randomk, randblock), or the step's
// leader, rank step mod N, chooses by its own values and broadcasts them in one round more
// (ScaleCom, Chen et al., NeurIPS 2020: cyclic local top-k; its low-pass memory is a Feedback).
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse {

enum class IndexSource { shared_seed, leader };

class SharedIndicesExchange final : public Exchange {
 public:
  // Throws JobError if the codec is not sparse.
  SharedIndicesExchange(const std::shared_ptr<const Codec>& codec, IndexSource source);
  std::unique_ptr<ExchangeState> build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t step) const override;

 private:
  std::shared_ptr<const Sparsifier> codec_;
  IndexSource source_;
};

}  // namespace terse
