// Ok-Topk (Li and Hoefler, PPoPP 2022): a sparse sum whose volume does not grow with the world.
// Each rank owns a region of every row and sums what all ranks chose there; sums that reach the
// threshold of the global top-k go to all ranks. A region's message holds at most twice its even
// share, so that no rank sends more than about 6 k words. Entries that do not fit, or are not in
// the result, stay in the residual: a rank clears only what it sent and the result has.
//
// Two rounds. Every 32nd step has one more, in which the threshold is found among the regions'
// sums, and every 64th step another, in which the region boundaries are balanced, so that all
// regions hold as many of the chosen entries. The CompressorState keeps both as "regions".
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse {

class OkTopkExchange final : public Exchange {
 public:
  // Throws JobError if the codec is not sparse.
  explicit OkTopkExchange(const std::shared_ptr<const Codec>& codec);
  std::unique_ptr<ExchangeState> build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t step) const override;

 private:
  std::shared_ptr<const Sparsifier> codec_;
};

}  // namespace terse
