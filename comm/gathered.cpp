#include "terse/comm/gathered.h"

#include "terse/base/error.h"
#include "terse/comm/tables.h"

namespace terse {

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
  codec_->decode(t.receive, t.all, 1.0f / static_cast<float>(channel.size()), feedback::kNone,
                 group.exec);
}

std::size_t Gathered::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                 const GroupSpec& spec, int rank, int world) const {
  const Site site = sizes_only(layers, plan, spec, rank, world);
  return message_bytes(RowBuilder(site, *codec_).body(spec.pieces)) *
         static_cast<std::size_t>(world - 1);
}

}  // namespace terse
