#include "terse/comm/exchange/all_gather_exchange.h"

#include <algorithm>

#include "terse/comm/exchange/group_layout.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/sum.h"
#include "terse/compressors/pass.h"

namespace terse {
namespace {

// out = base' = base + mean, for rows whose `out` holds the mean.
void integrate(std::span<const Row> rows, const Exec& exec) {
  ProgressMeter progress(exec);
  for (const Row& row : rows) {
    for (std::uint32_t at = 0; at < row.n; at += kernels::kBlock) {
      const std::uint32_t n = std::min(kernels::kBlock, row.n - at);
      float* const base = row.base_out + at;
      if (row.base_in != row.base_out) std::copy_n(row.base_in + at, n, base);
      kernels::add(row.out + at, base, n);
      std::copy_n(base, n, row.out + at);
      progress.add(n);
    }
  }
}

class AllGatherState final : public ExchangeState {
 public:
  AllGatherState(std::shared_ptr<const Codec> codec, const GroupContext& context)
      : codec_(std::move(codec)), rank_(context.rank) {
    const RowBuilder builder(context, *codec_);
    for (int peer = 0; peer < context.world; ++peer)
      all_.push_back(builder.frame(context.spec.pieces));
    builder.add(send_, context.spec.pieces, context.rank);
    builder.add(receive_, context.spec.pieces, kEvery);
  }

  std::size_t workspace_bytes() const override { return body_bytes({&all_}); }
  void bind_workspace(Bytes memory) override { bind_frames({&all_}, memory); }
  std::size_t sent_bytes() const override { return all_gather_bytes(all_, rank_); }
  void swap_pairs() override {
    swap_row_pairs(send_);
    swap_row_pairs(receive_);
  }

  Task run(Group& group, Channel& channel) override {
    clear_frames(all_);
    codec_->encode(send_, group.feedback, group.key, all_, group.exec);
    report_bad_row(group, send_, channel);
    co_await channel.all_gather(all_);
    codec_->decode(receive_, all_, feedback::weight(group.feedback, channel.size()),
                   feedback::kNone, group.exec);
    if (group.feedback.integrate) integrate(receive_, group.exec);
  }

 private:
  std::shared_ptr<const Codec> codec_;
  int rank_;
  std::vector<Row> send_, receive_;
  Mailbox all_;
};

}  // namespace

std::unique_ptr<ExchangeState> AllGatherExchange::build(const GroupContext& context) const {
  return std::make_unique<AllGatherState>(codec_, context);
}

}  // namespace terse
