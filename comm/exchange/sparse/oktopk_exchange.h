// Ok-Topk (Li and Hoefler, PPoPP 2022): a sparse sum whose volume does not grow with the world.
// Each rank owns a region of every row and sums what all ranks chose there; what reaches the
// threshold of the global top-k goes to everybody. A region's message holds at most twice its even
// share, so that no rank sends more than about 6 k words; what does not fit, or is not in the
// result, stays in the residual, of which a rank clears only what it sent and the result has.
//
// Two rounds; in every 32nd step one more, in which the threshold is found among the regions' sums,
// and in every 64th one more, in which the regions are cut anew, so that each holds as many of the
// chosen entries. Threshold and cuts are remembered in the state.
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse {

class OkTopkExchange final : public Exchange {
 public:
  explicit OkTopkExchange(const std::shared_ptr<const Codec>& codec);
  GroupBuffers build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t step) const override;
  Task run(Group& group, Channel& channel) const override;
  std::size_t sent_bytes(std::span<const Layer> layers, const Plan& plan, const GroupSpec& spec,
                         int rank, int world) const override;

 private:
  void choose(Group& group) const;
  void propose_cuts(Group& group, int rank) const;
  void average_cuts(Group& group) const;
  void scatter(Group& group, int rank) const;
  void sum(Group& group, int rank) const;
  void offer_magnitudes(Group& group, int rank) const;
  void select_threshold(Group& group) const;
  void answer(Group& group, int rank) const;
  void settle(Group& group) const;

  std::shared_ptr<const Sparsifier> codec_;
};

}  // namespace terse
