// PowerSGD among ranks (Vogels et al. 2019, algorithm 1 and 2): the P of all layers are summed,
// made orthonormal, then the Q of all layers are summed; all ranks settle with the same P Q^T. Four
// rounds. Q is kept in the CompressorState as "basis" and starts the next step.
//
// In halves (the second version of the authors' code): in even steps P alone, in odd ones Q alone,
// with the other side as it was; a rank settles with its own P Q^T. Two rounds. The basis is Q and
// P.
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"
#include "terse/comm/exchange/reduce_scatter_exchange.h"

namespace terse {

class LowRankExchange final : public Exchange {
 public:
  LowRankExchange(std::shared_ptr<const Codec> codec, bool alternating);
  // Throws JobError where a layer is not a matrix.
  GroupBuffers build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t step) const override;
  Task run(Group& group, Channel& channel) const override;
  std::size_t sent_bytes(std::span<const Layer> layers, const Plan& plan, const GroupSpec& spec,
                         int rank, int world) const override;

 private:
  Task run_both(Group& group, Channel& channel) const;
  Task run_alternating(Group& group, Channel& channel) const;

  std::shared_ptr<const Codec> codec_;
  ReduceScatterExchange sum_;  // of vectors, as they are
  bool alternating_;
};

}  // namespace terse
