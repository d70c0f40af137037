// gTop-k (Shi et al., ICDCS 2019): the k largest of the sum of all ranks' k largest, by a binary
// tree of any world size. A rank merges what comes with what it has and passes the k largest on;
// the root's result comes back down the tree. 2 ceil(log2 N) rounds.
//
// Nothing is lost: a rank clears of its own what the result has; and who drops a partial sum, or
// rounds it, keeps that part if the result has the element and so clears it at the senders.
#pragma once

#include <memory>

#include "terse/comm/exchange/exchange.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse {

class GTopKExchange final : public Exchange {
 public:
  explicit GTopKExchange(const std::shared_ptr<const Codec>& codec);
  GroupBuffers build(const GroupContext& context) const override;
  int rounds(int world, std::uint64_t step) const override;
  Task run(Group& group, Channel& channel) const override;
  std::size_t sent_bytes(std::span<const Layer> layers, const Plan& plan, const GroupSpec& spec,
                         int rank, int world) const override;

 private:
  void choose(Group& group) const;
  void send_up(Group& group, const Key& key, Frame& frame) const;
  void merge(Group& group, int sender, const Frame& frame) const;
  void settle(Group& group, int world, const Frame& result) const;

  std::shared_ptr<const Sparsifier> codec_;
};

}  // namespace terse
