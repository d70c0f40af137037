// The sum over ranks of dense vectors, one for each piece of a group, sent under the names of the
// pieces' layers. For exchanges that do not sum the gradients themselves but P and Q of PowerSGD,
// or the values at indices that all ranks share.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "terse/base/float_buffer.h"
#include "terse/comm/exchange/sums/reduce_scatter_sum.h"

namespace terse {

class VectorSum {
 public:
  // sizes[i]: elements of the vector of piece i. `codec` writes them, with this level. Allocates no
  // vectors if `context` only wants sizes.
  VectorSum(const GroupContext& context, std::span<const std::uint32_t> sizes,
            std::shared_ptr<const Codec> codec, float level);

  // 64-byte aligned; sizes[i] elements, which the sum's mean replaces.
  float* vector(std::size_t i) { return values_.values().data() + offsets_[i]; }

  // Gives the rows of the sum a residual: rounding(i) is what this rank's rounding took from vector
  // i in the last step whose feedback keeps it.
  void add_rounding();
  const float* rounding(std::size_t i) const { return rounding_.values().data() + offsets_[i]; }

  // Starts a step of the group that the sum belongs to.
  void begin(const Group& outer, const Feedback& feedback);
  void scatter(Channel& channel) { sum_.scatter(group_, channel); }
  void reduce(Channel& channel) { sum_.reduce(group_, channel); }
  void collect() { sum_.collect(group_); }
  Mailbox& out() { return sum_.out; }
  Mailbox& in() { return sum_.in; }
  Mailbox& all() { return sum_.all; }

  // As ReduceScatterSum's. Nothing here outlives a step, so there are no pairs to swap.
  std::size_t workspace_bytes() const { return sum_.workspace_bytes(); }
  Bytes bind_workspace(Bytes memory) { return sum_.bind_workspace(memory); }
  std::size_t sent_bytes() const { return sum_.sent_bytes(); }

 private:
  ReduceScatterSum build(const GroupContext& context, std::span<const std::uint32_t> sizes,
                         std::shared_ptr<const Codec> codec, float level);

  FloatBuffer values_{0}, rounding_{0};
  std::vector<std::size_t> offsets_;  // in both
  Group group_;
  ReduceScatterSum sum_;
};

}  // namespace terse
