#include "terse/comm/exchange/sparse/gtopk_exchange.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "terse/base/error.h"
#include "terse/comm/exchange/group_buffers.h"
#include "terse/comm/exchange/sparse/sparse_rows.h"
#include "terse/compressors/kernels/cpu/select/select.h"

namespace terse {
namespace {

int levels_of(int world) { return std::bit_width(static_cast<unsigned>(world - 1)); }

// What a rank does in level `level`, going up; going down it is the other way round.
struct Place {
  bool gives, takes;
  int peer;
};

Place place_of(int rank, int world, int level) {
  const int step = 1 << level, within = rank % (2 * step);
  if (within == step) return {true, false, rank - step};
  const bool takes = within == 0 && rank + step < world;
  return {false, takes, takes ? rank + step : -1};
}

// One row between rounds. `part` is the sum of this rank's subtree so far; `lost` are parts of sums
// that were not passed on.
struct Branch {
  std::uint32_t k = 0;
  Entries own, part, come, lost;
  std::span<std::uint32_t> order;

  void bind_workspace(Scratch& scratch, std::uint32_t capacity_entries, int levels) {
    own = take_entries(scratch, capacity_entries);
    part = take_entries(scratch, 2 * k);
    come = take_entries(scratch, 2 * k);
    lost = take_entries(scratch, (static_cast<std::uint32_t>(levels) + 2) * k);
    order = scratch.take<std::uint32_t>(2 * k);
  }

  static std::size_t bytes(std::uint32_t k, std::uint32_t capacity_entries, int levels) {
    return entries_bytes(capacity_entries) + 2 * entries_bytes(2 * k) +
           entries_bytes((static_cast<std::uint32_t>(levels) + 2) * k) +
           scratch_bytes<std::uint32_t>(2 * std::size_t{k});
  }

  void lose(std::uint32_t index, float value) {
    lost.index[lost.count] = index;
    lost.value[lost.count++] = value;
  }

  void lose_rounding() {
    for (std::uint32_t i = 0; i < part.count; ++i) {
      const float rest = part.value[i] - part.decoded[i];
      if (rest != 0) lose(part.index[i], rest);
    }
  }

  // come = part + come, in order of index.
  void add() {
    Entries sum = part;
    std::copy_backward(come.index.begin(), come.index.begin() + come.count,
                       come.index.begin() + 2 * k);
    std::copy_backward(come.value.begin(), come.value.begin() + come.count,
                       come.value.begin() + 2 * k);
    std::copy_n(part.index.begin(), part.count, order.begin());
    std::copy_n(part.value.begin(), part.count, part.decoded.begin());
    std::uint32_t a = 0, b = 2 * k - come.count;
    sum.count = 0;
    while (a < part.count || b < 2 * k) {
      const bool mine = a < part.count && (b == 2 * k || order[a] <= come.index[b]);
      const bool theirs = b < 2 * k && (a == part.count || come.index[b] <= order[a]);
      sum.index[sum.count] = mine ? order[a] : come.index[b];
      sum.value[sum.count] = mine && theirs ? part.decoded[a] + come.value[b]
                             : mine         ? part.decoded[a]
                                            : come.value[b];
      ++sum.count;
      a += mine ? 1 : 0;
      b += theirs ? 1 : 0;
    }
    part.count = sum.count;
  }

  // part = its k largest, the lower index first among equals.
  void cut() {
    if (part.count <= k) return;
    const auto all = order.first(part.count);
    for (std::uint32_t i = 0; i < part.count; ++i) all[i] = kernels::magnitude(part.value[i]);
    std::nth_element(all.begin(), all.begin() + (k - 1), all.end(), std::greater<>());
    const std::uint32_t kth = all[k - 1];
    auto ties = std::count(all.begin(), all.begin() + k, kth);
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < part.count; ++i) {
      const std::uint32_t m = kernels::magnitude(part.value[i]);
      if (m < kth || (m == kth && ties-- <= 0)) {
        lose(part.index[i], part.value[i]);
        continue;
      }
      part.index[kept] = part.index[i];
      part.value[kept++] = part.value[i];
    }
    part.count = kept;
  }
};

struct Branches final : ExchangeState {
  std::vector<Branch> rows;
  std::vector<std::uint32_t> capacities;
  int levels = 0;

  void bind_workspace(Bytes memory) override {
    Scratch scratch(memory);
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i].bind_workspace(scratch, capacities[i], levels);
  }
};

Branches& state_of(Group& group) { return static_cast<Branches&>(*group.buffers.state); }

}  // namespace

GTopKExchange::GTopKExchange(const std::shared_ptr<const Codec>& codec)
    : codec_(as_sparsifier(codec, "Tree")) {}

int GTopKExchange::rounds(int world, std::uint64_t) const { return 2 * levels_of(world); }

GroupBuffers GTopKExchange::build(const GroupContext& context) const {
  const RowBuilder builder(context, *codec_);
  auto branches = std::make_unique<Branches>();
  branches->levels = levels_of(context.world);
  GroupBuffers buffers;
  builder.add(buffers.send, context.spec.pieces, 0);
  for (Mailbox* box : {&buffers.out, &buffers.in, &buffers.all})
    box->push_back(builder.frame(context.spec.pieces));
  buffers.workspace = body_bytes(buffers.out) + body_bytes(buffers.in) + body_bytes(buffers.all);
  for (const Row& row : buffers.send) {
    branches->rows.emplace_back().k = max_entries_of(*codec_, row);
    branches->capacities.push_back(codec_->capacity_entries(row.n, row.level));
    buffers.workspace +=
        Branch::bytes(branches->rows.back().k, branches->capacities.back(), branches->levels);
  }
  buffers.state = std::move(branches);
  return buffers;
}

Task GTopKExchange::run(Group& group, Channel& channel) const {
  GroupBuffers& t = group.buffers;
  Frame& result = t.all[0];
  const int rank = channel.rank(), world = channel.size(), levels = levels_of(world);
  choose(group);
  report_bad_row(group, t.send, channel);
  for (int level = 0; level < levels; ++level) {
    const Place place = place_of(rank, world, level);
    if (place.gives) send_up(group, group.key, t.out[0]);
    report_bad_row(group, t.send, channel);
    co_await channel.pair(place.peer, place.gives ? &t.out[0] : nullptr, place.peer,
                          place.takes ? &t.in[0] : nullptr);
    if (place.takes) merge(group, place.peer, t.in[0]);
  }
  if (rank == 0) send_up(group, group.key.next_phase(), result);
  report_bad_row(group, t.send, channel);
  for (int level = levels - 1; level >= 0; --level) {
    const Place place = place_of(rank, world, level);
    co_await channel.pair(place.peer, place.takes ? &result : nullptr, place.peer,
                          place.gives ? &result : nullptr);
  }
  settle(group, world, result);
}

void GTopKExchange::choose(Group& group) const {
  Pace pace(group.exec);
  Branches& branches = state_of(group);
  for (std::size_t i = 0; i < branches.rows.size(); ++i) {
    Branch& branch = branches.rows[i];
    branch.lost.count = 0;
    select_row(*codec_, group, i, branch.own, pace);
    branch.part.count = branch.own.count;
    std::copy_n(branch.own.index.begin(), branch.own.count, branch.part.index.begin());
    std::copy_n(branch.own.value.begin(), branch.own.count, branch.part.value.begin());
  }
}

void GTopKExchange::send_up(Group& group, const Key& key, Frame& frame) const {
  frame.clear();
  Branches& branches = state_of(group);
  for (std::size_t i = 0; i < branches.rows.size(); ++i) {
    pack_row(*codec_, group, i, key, branches.rows[i].k, branches.rows[i].part, frame);
    branches.rows[i].lose_rounding();
  }
}

void GTopKExchange::merge(Group& group, int sender, const Frame& frame) const {
  Branches& branches = state_of(group);
  for (std::size_t i = 0; i < branches.rows.size(); ++i) {
    Branch& branch = branches.rows[i];
    read_row(*codec_, group, i, sender, frame.payload(i), branch.k, branch.come);
    branch.add();
    branch.cut();
  }
}

void GTopKExchange::settle(Group& group, int world, const Frame& result) const {
  Pace pace(group.exec);
  Branches& branches = state_of(group);
  for (std::size_t i = 0; i < branches.rows.size(); ++i) {
    const Row& row = group.buffers.send[i];
    Branch& branch = branches.rows[i];
    read_row(*codec_, group, i, 0, result.payload(i), branch.k, branch.come);
    const auto sent = branch.come.indices();
    const auto has = [&](std::uint32_t index) {
      return std::binary_search(sent.begin(), sent.end(), index);
    };
    Entries& own = branch.own;
    std::uint32_t cleared = 0;
    for (std::uint32_t j = 0; j < own.count; ++j) {
      if (!has(own.index[j])) continue;
      own.index[cleared] = own.index[j];
      own.decoded[cleared++] = own.value[j];
    }
    own.count = cleared;
    Sparsifier::subtract_sent(row, group.feedback, own);
    for (std::uint32_t j = 0; j < branch.lost.count && group.feedback.ed != 0; ++j) {
      const std::uint32_t at = branch.lost.index[j];
      if (has(at)) row.e_out[at] -= group.feedback.ed * branch.lost.value[j];
    }
    write_mean(row, sent, branch.come.values(), feedback::weight(group.feedback, world), pace);
  }
}

std::size_t GTopKExchange::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                      const GroupSpec& spec, int rank, int world) const {
  const GroupContext context = sizing_context(layers, plan, spec, rank, world);
  const std::size_t message = message_bytes(RowBuilder(context, *codec_).body(spec.pieces));
  std::size_t messages = 0;
  for (int level = 0; level < levels_of(world); ++level) {
    const Place place = place_of(rank, world, level);
    messages += (place.gives ? 1 : 0) + (place.takes ? 1 : 0);
  }
  return messages * message;
}

}  // namespace terse
