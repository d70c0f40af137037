#include "terse/comm/gathered.h"

#include <algorithm>

#include "terse/comm/tables.h"
#include "terse/compressors/kernels/dispatch.h"
#include "terse/compressors/kernels/sum.h"
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

Tables Gathered::build(const Site& site) const {
  const RowBuilder builder(site, *codec_);
  Tables tables;
  for (int peer = 0; peer < site.world; ++peer)
    tables.all.push_back(builder.frame(site.spec.pieces));
  builder.add(tables.send, site.spec.pieces, site.rank);
  builder.add(tables.receive, site.spec.pieces, kEvery);
  tables.workspace = body_bytes(tables.all);
  return tables;
}

Task Gathered::run(Group& group, Channel& channel) const {
  Tables& t = group.tables;
  clear_box(t.all);
  codec_->encode(t.send, group.feedback, group.key, t.all, group.exec);
  report_bad_row(group, t.send, channel);
  co_await channel.all_gather(t.all);
  codec_->decode(t.receive, t.all, feedback::weight(group.feedback, channel.size()),
                 feedback::kNone, group.exec);
  if (group.feedback.integrate) integrate(t.receive, group.exec);
}

std::size_t Gathered::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                 const GroupSpec& spec, int rank, int world) const {
  const Site site = sizes_only(layers, plan, spec, rank, world);
  return message_bytes(RowBuilder(site, *codec_).body(spec.pieces)) *
         static_cast<std::size_t>(world - 1);
}

}  // namespace terse
