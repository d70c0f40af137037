#include "terse/comm/exchange/all_gather_exchange.h"

#include <algorithm>

#include "terse/comm/exchange/group_buffers.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/sum.h"
#include "terse/compressors/pass.h"

namespace terse {
namespace {

// out = base' = base + mean, for rows whose `out` holds the mean.
void integrate(std::span<const Row> rows, const Exec& exec) {
  Pace pace(exec);
  for (const Row& row : rows) {
    for (std::uint32_t at = 0; at < row.n; at += kernels::kBlock) {
      const std::uint32_t n = std::min(kernels::kBlock, row.n - at);
      float* const base = row.base_out + at;
      if (row.base_in != row.base_out) std::copy_n(row.base_in + at, n, base);
      kernels::add(row.out + at, base, n);
      std::copy_n(base, n, row.out + at);
      pace.worked(n);
    }
  }
}

}  // namespace

GroupBuffers AllGatherExchange::build(const GroupContext& context) const {
  const RowBuilder builder(context, *codec_);
  GroupBuffers buffers;
  for (int peer = 0; peer < context.world; ++peer)
    buffers.all.push_back(builder.frame(context.spec.pieces));
  builder.add(buffers.send, context.spec.pieces, context.rank);
  builder.add(buffers.receive, context.spec.pieces, kEvery);
  buffers.workspace = body_bytes(buffers.all);
  return buffers;
}

Task AllGatherExchange::run(Group& group, Channel& channel) const {
  GroupBuffers& t = group.buffers;
  clear_box(t.all);
  codec_->encode(t.send, group.feedback, group.key, t.all, group.exec);
  report_bad_row(group, t.send, channel);
  co_await channel.all_gather(t.all);
  codec_->decode(t.receive, t.all, feedback::weight(group.feedback, channel.size()),
                 feedback::kNone, group.exec);
  if (group.feedback.integrate) integrate(t.receive, group.exec);
}

std::size_t AllGatherExchange::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                          const GroupSpec& spec, int rank, int world) const {
  const GroupContext context = sizing_context(layers, plan, spec, rank, world);
  return message_bytes(RowBuilder(context, *codec_).body(spec.pieces)) *
         static_cast<std::size_t>(world - 1);
}

}  // namespace terse
