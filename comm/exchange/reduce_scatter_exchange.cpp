#include "terse/comm/exchange/reduce_scatter_exchange.h"

#include "terse/comm/exchange/sums/reduce_scatter_sum.h"

namespace terse {
namespace {

class ReduceScatterState final : public ExchangeState {
 public:
  ReduceScatterState(std::shared_ptr<const Codec> codec, const GroupContext& context)
      : sum_(std::move(codec), context) {}

  std::size_t workspace_bytes() const override { return sum_.workspace_bytes(); }
  void bind_workspace(Bytes memory) override { sum_.bind_workspace(memory); }
  std::size_t sent_bytes() const override { return sum_.sent_bytes(); }
  void swap_pairs() override { sum_.swap_pairs(); }

  Task run(Group& group, Channel& channel) override {
    sum_.scatter(group, channel);
    co_await channel.all_to_all(sum_.out, sum_.in);
    sum_.reduce(group, channel);
    co_await channel.all_gather(sum_.all);
    sum_.collect(group);
  }

 private:
  ReduceScatterSum sum_;
};

}  // namespace

std::unique_ptr<ExchangeState> ReduceScatterExchange::build(const GroupContext& context) const {
  return std::make_unique<ReduceScatterState>(codec_, context);
}

}  // namespace terse
