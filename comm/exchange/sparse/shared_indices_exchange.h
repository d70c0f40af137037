// All ranks send the values of the same elements: what one sum over dense vectors of k values
// carries. Two rounds, with values as the codec writes them, and the rounding kept.
//
// Who chooses: either everybody alike, from the key that all share (randomk, randblock); or the
// leader of the step, rank step mod N, by its own values, whose indices then take one round more
// (ScaleCom, Chen et al., NeurIPS 2020: cyclic local top-k; its low-pass memory is a Feedback).
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"
#include "terse/comm/exchange/reduce_scatter_exchange.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse {

enum class IndexSource { shared_seed, leader };

class SharedIndicesExchange final : public Exchange {
 public:
  SharedIndicesExchange(const std::shared_ptr<const Codec>& codec, IndexSource chooser);
  GroupBuffers build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t step) const override;
  Task run(Group& group, Channel& channel) const override;
  std::size_t sent_bytes(std::span<const Layer> layers, const Plan& plan, const GroupSpec& spec,
                         int rank, int world) const override;

 private:
  void choose(Group& group) const;
  void write_choice(Group& group) const;
  void read_choice(Group& group, int leader) const;
  void settle(Group& group) const;
  Frame choice_frame(const GroupContext& context) const;

  std::shared_ptr<const Sparsifier> codec_;
  ReduceScatterExchange sum_;
  IndexSource index_source_;
};

}  // namespace terse
