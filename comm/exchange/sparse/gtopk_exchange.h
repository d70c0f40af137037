// gTop-k (Shi et al., ICDCS 2019): the k largest of the sum of all ranks' k largest, by a binary
// tree over any number of ranks. A rank adds what it receives to its own sum and passes the k
// largest on; the root's result comes back down the tree. 2 ceil(log2 N) rounds.
//
// Nothing is lost: each rank clears from its residual the entries present in the result, and a rank
// that drops or rounds a partial sum keeps that part if the result has the element, which the
// senders have then cleared.
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse {

class GTopKExchange final : public Exchange {
 public:
  // Throws JobError if the codec is not sparse.
  explicit GTopKExchange(const std::shared_ptr<const Codec>& codec);
  std::unique_ptr<ExchangeState> build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t step) const override;

 private:
  std::shared_ptr<const Sparsifier> codec_;
};

}  // namespace terse
