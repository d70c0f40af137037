#include "terse/comm/exchange/sparse/oktopk_exchange.h"

#include <algorithm>
#include <bit>

#include "terse/base/error.h"
#include "terse/comm/exchange/group_buffers.h"
#include "terse/comm/exchange/sparse/oktopk_region.h"
#include "terse/compressors/kernels/cpu/select/collect.h"
#include "terse/compressors/kernels/cpu/select/select.h"

namespace terse {
namespace {

constexpr std::uint64_t kThresholdEvery = 32, kCutsEvery = 64;
constexpr std::size_t kWord = sizeof(std::uint32_t);

bool finds_threshold(std::uint64_t step) { return step % kThresholdEvery == 0; }
bool cuts_anew(std::uint64_t step) { return step % kCutsEvery == 0; }

struct Regions final : ExchangeState {
  std::vector<OkTopkRow> rows;
  Mailbox cuts, magnitudes;

  void bind_workspace(Bytes memory) override {
    memory = lend_frames(magnitudes, lend_frames(cuts, memory));
    Scratch scratch(memory);
    for (OkTopkRow& row : rows) row.bind_workspace(scratch);
  }
};

Regions& state_of(Group& group) { return static_cast<Regions&>(*group.buffers.state); }

// The frames of a site: the capacity of each row is a function of its n and its k.
template <class Capacity>
Frame frame_of(const GroupContext& context, const Sparsifier& codec, Capacity&& capacity) {
  Body body = RowBuilder(context, codec).body(context.spec.pieces);
  body.capacity = 0;
  for (const Piece& piece : context.spec.pieces)
    body.capacity +=
        capacity(piece.n, codec.max_entries(piece.n, context.plan.assignments[piece.layer].level));
  return Frame(std::move(body.tags), body.capacity);
}

Frame entries_frame(const GroupContext& context, const Sparsifier& codec) {
  return frame_of(context, codec, [&](std::uint32_t n, std::uint32_t k) {
    return sparse_capacity(n, OkTopkRow::cap_of(k, context.world), codec.values());
  });
}

Frame cuts_frame(const GroupContext& context, const Sparsifier& codec) {
  return frame_of(context, codec, [&](std::uint32_t, std::uint32_t) {
    return kWord * static_cast<std::size_t>(context.world - 1);
  });
}

Frame magnitudes_frame(const GroupContext& context, const Sparsifier& codec) {
  return frame_of(context, codec, [&](std::uint32_t, std::uint32_t k) {
    return kWord * std::size_t{OkTopkRow::cap_of(k, context.world)};
  });
}

std::size_t framed(const Frame& frame) {
  return sizeof(Header) + kRowBytes * frame.rows() + frame.capacity();
}

std::size_t index_of(int rank) { return static_cast<std::size_t>(rank); }

}  // namespace

OkTopkExchange::OkTopkExchange(const std::shared_ptr<const Codec>& codec)
    : codec_(as_sparsifier(codec, "Split")) {}

int OkTopkExchange::rounds(int world, std::uint64_t step) const {
  if (world == 1) return 0;
  return 2 + (finds_threshold(step) ? 1 : 0) + (cuts_anew(step) ? 1 : 0);
}

GroupBuffers OkTopkExchange::build(const GroupContext& context) const {
  auto regions = std::make_unique<Regions>();
  GroupBuffers buffers;
  RowBuilder(context, *codec_).add(buffers.send, context.spec.pieces, 0);
  for (int peer = 0; peer < context.world; ++peer) {
    const bool self = peer == context.rank;
    buffers.out.push_back(self ? Frame() : entries_frame(context, *codec_));
    buffers.in.push_back(self ? Frame() : entries_frame(context, *codec_));
    buffers.all.push_back(entries_frame(context, *codec_));
    regions->cuts.push_back(cuts_frame(context, *codec_));
    regions->magnitudes.push_back(magnitudes_frame(context, *codec_));
  }
  buffers.workspace = body_bytes(buffers.out) + body_bytes(buffers.in) + body_bytes(buffers.all) +
                      body_bytes(regions->cuts) + body_bytes(regions->magnitudes);
  for (std::size_t i = 0; i < buffers.send.size(); ++i) {
    const Row& row = buffers.send[i];
    Slot& slot = context.state->slot(context.layers[context.spec.pieces[i].layer], "regions",
                                     OkTopkMemory::size(context.world));
    regions->rows.emplace_back(OkTopkMemory(slot, row.n, context.world),
                               max_entries_of(*codec_, row),
                               codec_->capacity_entries(row.n, row.level), context.world);
    buffers.workspace += regions->rows.back().bytes();
  }
  buffers.state = std::move(regions);
  return buffers;
}

Task OkTopkExchange::run(Group& group, Channel& channel) const {
  GroupBuffers& t = group.buffers;
  Regions& regions = state_of(group);
  const int rank = channel.rank();
  const std::uint64_t step = group.key.step;
  choose(group);
  report_bad_row(group, t.send, channel);
  if (cuts_anew(step)) {
    propose_cuts(group, rank);
    co_await channel.all_gather(regions.cuts);
    average_cuts(group);
  }
  scatter(group, rank);
  report_bad_row(group, t.send, channel);
  co_await channel.all_to_all(t.out, t.in);
  sum(group, rank);
  if (finds_threshold(step)) {
    offer_magnitudes(group, rank);
    co_await channel.all_gather(regions.magnitudes);
    select_threshold(group);
  }
  answer(group, rank);
  report_bad_row(group, t.send, channel);
  co_await channel.all_gather(t.all);
  settle(group);
}

void OkTopkExchange::choose(Group& group) const {
  Pace pace(group.exec);
  Regions& regions = state_of(group);
  for (std::size_t i = 0; i < regions.rows.size(); ++i) {
    regions.rows[i].memory.begin();
    select_row(*codec_, group, i, regions.rows[i].own, pace);
  }
}

// Cuts that divide this rank's own entries evenly.
void OkTopkExchange::propose_cuts(Group& group, int rank) const {
  Regions& regions = state_of(group);
  Frame& frame = regions.cuts[index_of(rank)];
  frame.clear();
  for (std::size_t i = 0; i < regions.rows.size(); ++i) {
    const OkTopkRow& row = regions.rows[i];
    const std::uint64_t n = group.buffers.send[i].n;
    for (std::uint32_t r = 1; r < row.world(); ++r) {
      const auto cut = row.own.count > 0
                           ? row.own.index[std::uint64_t{row.own.count} * r / row.world()]
                           : static_cast<std::uint32_t>(n * r / row.world());
      store(frame.space().data() + kWord * (r - 1), cut);
    }
    frame.end_row(kWord * (row.world() - 1));
  }
}

// The average of the proposals.
void OkTopkExchange::average_cuts(Group& group) const {
  Regions& regions = state_of(group);
  for (std::size_t i = 0; i < regions.rows.size(); ++i) {
    OkTopkRow& row = regions.rows[i];
    const Row& of = group.buffers.send[i];
    for (std::size_t rank = 0; rank < regions.cuts.size(); ++rank) {
      const ConstBytes said = regions.cuts[rank].payload(i);
      if (said.size() != kWord * (row.world() - 1))
        damaged(of, i, rank, "it has another number of cuts than there are regions");
      for (std::uint32_t r = 0, least = 0; r + 1 < row.world(); ++r) {
        const auto cut = load<std::uint32_t>(said.data() + kWord * r);
        if (cut < least || cut > of.n) damaged(of, i, rank, "its cuts are out of order");
        least = cut;
      }
    }
    for (std::uint32_t r = 1; r < row.world(); ++r) {
      std::uint64_t total = 0;
      for (const Frame& frame : regions.cuts)
        total += load<std::uint32_t>(frame.payload(i).data() + kWord * (r - 1));
      row.memory.set_cut(static_cast<int>(r), static_cast<std::uint32_t>(total / row.world()));
    }
  }
}

void OkTopkExchange::scatter(Group& group, int rank) const {
  GroupBuffers& t = group.buffers;
  Regions& regions = state_of(group);
  clear_box(t.out);
  for (std::size_t i = 0; i < regions.rows.size(); ++i) {
    OkTopkRow& row = regions.rows[i];
    row.divide(rank);
    for (int peer = 0; peer < static_cast<int>(row.world()); ++peer) {
      Entries part = row.part(peer);
      if (peer == rank) {
        std::copy(part.value.begin(), part.value.end(), part.decoded.begin());
        continue;
      }
      Key key = group.key;
      key.phase += 2 * static_cast<std::uint32_t>(peer);
      pack_row(*codec_, group, i, key, row.cap, part, t.out[index_of(peer)]);
      row.counts[index_of(peer)] = part.count;
    }
  }
}

// In rank order, in the row's place for the mean, which is free now.
void OkTopkExchange::sum(Group& group, int rank) const {
  Pace pace(group.exec);
  Regions& regions = state_of(group);
  for (std::size_t i = 0; i < regions.rows.size(); ++i) {
    OkTopkRow& row = regions.rows[i];
    const Row& of = group.buffers.send[i];
    const std::uint32_t begin = row.memory.cut(rank), end = row.memory.cut(rank + 1);
    std::fill_n(of.out + begin, end - begin, 0.0f);
    const auto add = [&](const Entries& entries, std::span<const float> values) {
      for (std::uint32_t j = 0; j < entries.count; ++j) of.out[entries.index[j]] += values[j];
    };
    for (int peer = 0; peer < static_cast<int>(row.world()); ++peer) {
      if (peer == rank) {
        const Entries mine = row.part(rank);
        add(mine, mine.values());
        continue;
      }
      read_row(*codec_, group, i, peer, group.buffers.in[index_of(peer)].payload(i), row.cap,
               row.come);
      for (const std::uint32_t index : row.come.indices()) {
        if (index < begin || index >= end)
          damaged(of, i, index_of(peer), "an index is outside the region that it was sent to");
      }
      add(row.come, row.come.values());
    }
    kernels::Collected found{row.region.index.data(), row.region.value.data(),
                             row.region.index.size()};
    kernels::collect({of.out + begin, end - begin}, begin, 1, found);
    row.region.count = static_cast<std::uint32_t>(found.found);
    pace.worked(end - begin);
  }
}

// The largest of the region's sums: as many as its answer can hold.
void OkTopkExchange::offer_magnitudes(Group& group, int rank) const {
  Regions& regions = state_of(group);
  Frame& frame = regions.magnitudes[index_of(rank)];
  frame.clear();
  for (OkTopkRow& row : regions.rows) {
    const std::uint32_t count = std::min(row.region.count, row.cap);
    const auto values = row.region.values();
    const std::uint32_t least = count > 0 ? row.kth(count, values) : 0;
    std::byte* to = frame.space().data();
    // Those above the least, and it itself as often as it takes.
    std::uint32_t written = 0;
    for (const float value : values) {
      const std::uint32_t m = kernels::magnitude(value);
      if (m > least) store(to + kWord * written++, m);
    }
    for (; written < count; ++written) store(to + kWord * written, least);
    frame.end_row(kWord * count);
  }
}

void OkTopkExchange::select_threshold(Group& group) const {
  Regions& regions = state_of(group);
  for (std::size_t i = 0; i < regions.rows.size(); ++i) {
    OkTopkRow& row = regions.rows[i];
    std::span<float> all = row.result.value;
    std::uint32_t count = 0;
    for (std::size_t rank = 0; rank < regions.magnitudes.size(); ++rank) {
      const ConstBytes said = regions.magnitudes[rank].payload(i);
      if (said.size() % kWord != 0 || said.size() > kWord * row.cap)
        damaged(group.buffers.send[i], i, rank, "it has more magnitudes than its region can send");
      for (std::size_t at = 0; at < said.size(); at += kWord)
        all[count++] = load<float>(said.data() + at);
    }
    const std::uint32_t max_entries = std::min(count, row.k);
    row.memory.set_threshold(
        max_entries == 0 ? 0.0f : std::bit_cast<float>(row.kth(max_entries, all.first(count))));
  }
}

void OkTopkExchange::answer(Group& group, int rank) const {
  Regions& regions = state_of(group);
  Frame& frame = group.buffers.all[index_of(rank)];
  frame.clear();
  for (std::size_t i = 0; i < regions.rows.size(); ++i) {
    OkTopkRow& row = regions.rows[i];
    Entries& region = row.region;
    const std::uint32_t least = kernels::magnitude(row.memory.threshold());
    std::uint32_t kept = 0;
    for (std::uint32_t j = 0; j < region.count; ++j) {
      if (kernels::magnitude(region.value[j]) < least) continue;
      region.index[kept] = region.index[j];
      region.value[kept++] = region.value[j];
    }
    region.count = row.cut_to(row.cap, region.index.first(kept), region.value.first(kept));
    pack_row(*codec_, group, i, group.key.next_phase(), row.cap, region, frame);
  }
}

void OkTopkExchange::settle(Group& group) const {
  Pace pace(group.exec);
  Regions& regions = state_of(group);
  const Feedback& f = group.feedback;
  for (std::size_t i = 0; i < regions.rows.size(); ++i) {
    OkTopkRow& row = regions.rows[i];
    const Row& of = group.buffers.send[i];
    row.result.count = 0;
    for (int peer = 0; peer < static_cast<int>(row.world()); ++peer) {
      read_row(*codec_, group, i, peer, group.buffers.all[index_of(peer)].payload(i), row.cap,
               row.come);
      const std::uint32_t begin = row.memory.cut(peer), end = row.memory.cut(peer + 1);
      for (std::uint32_t j = 0; j < row.come.count; ++j) {
        if (row.come.index[j] < begin || row.come.index[j] >= end)
          damaged(of, i, index_of(peer), "an index is outside the region of its sender");
        row.result.index[row.result.count] = row.come.index[j];
        row.result.value[row.result.count++] = row.come.value[j];
      }
    }
    // What this rank sent and the result has was sent; what the owner's rounding lost it keeps.
    const auto has = row.result.indices();
    for (int peer = 0; peer < static_cast<int>(row.world()); ++peer) {
      Entries part = row.part(peer);
      std::uint32_t cleared = 0;
      for (std::uint32_t j = 0; j < part.count; ++j) {
        if (!std::binary_search(has.begin(), has.end(), part.index[j])) continue;
        part.index[cleared] = part.index[j];
        part.decoded[cleared++] = part.decoded[j];
      }
      part.count = cleared;
      Sparsifier::subtract_sent(of, f, part);
    }
    for (std::uint32_t j = 0; j < row.region.count && f.ed != 0; ++j)
      of.e_out[row.region.index[j]] -= f.ed * (row.region.value[j] - row.region.decoded[j]);
    write_mean(of, has, row.result.values(), feedback::weight(f, static_cast<int>(row.world())),
               pace);
  }
}

std::size_t OkTopkExchange::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                       const GroupSpec& spec, int rank, int world) const {
  if (world == 1) return 0;
  const GroupContext context = sizing_context(layers, plan, spec, rank, world);
  return static_cast<std::size_t>(world - 1) *
         (2 * framed(entries_frame(context, *codec_)) + framed(cuts_frame(context, *codec_)) +
          framed(magnitudes_frame(context, *codec_)));
}

}  // namespace terse
