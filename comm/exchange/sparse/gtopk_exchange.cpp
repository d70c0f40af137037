#include "terse/comm/exchange/sparse/gtopk_exchange.h"

#include <algorithm>
#include <bit>

#include "terse/comm/exchange/group_layout.h"
#include "terse/comm/exchange/sparse/sparse_rows.h"
#include "terse/compressors/sparse/magnitude/keep_largest.h"

namespace terse {
namespace {

int levels_of(int world) { return std::bit_width(static_cast<unsigned>(world - 1)); }

// What a rank does in level `level` of the tree on the way up; on the way down it sends where it
// received and receives where it sent.
struct TreeStep {
  bool sends, receives;
  int peer;
};

TreeStep tree_step(int rank, int world, int level) {
  const int distance = 1 << level, within = rank % (2 * distance);
  if (within == distance) return {true, false, rank - distance};
  const bool receives = within == 0 && rank + distance < world;
  return {false, receives, receives ? rank + distance : -1};
}

// One row between rounds.
struct TreeRow {
  std::uint32_t k = 0;
  std::uint32_t capacity_entries = 0;  // of `chosen`
  std::uint32_t capacity_dropped = 0;
  Entries chosen;    // by this rank
  Entries sum;       // of this rank's subtree so far
  Entries incoming;  // from the peer
  Entries dropped;   // parts of sums that were not passed on
  std::span<std::uint32_t> work;

  TreeRow(std::uint32_t max_entries, std::uint32_t capacity, int levels)
      : k(max_entries),
        capacity_entries(capacity),
        capacity_dropped((static_cast<std::uint32_t>(levels) + 2) * k) {}

  void bind_workspace(Scratch& scratch) {
    chosen = take_entries(scratch, capacity_entries);
    sum = take_entries(scratch, 2 * k);
    incoming = take_entries(scratch, 2 * k);
    dropped = take_entries(scratch, capacity_dropped);
    work = scratch.take<std::uint32_t>(2 * k);
  }

  std::size_t bytes() const {
    return terse::entries_bytes(capacity_entries) + 2 * terse::entries_bytes(2 * k) +
           terse::entries_bytes(capacity_dropped) +
           scratch_bytes<std::uint32_t>(2 * std::size_t{k});
  }

  void drop(std::uint32_t index, float value) {
    dropped.index[dropped.count] = index;
    dropped.value[dropped.count++] = value;
  }

  void drop_rounding() {
    for (std::uint32_t i = 0; i < sum.count; ++i) {
      const float rest = sum.value[i] - sum.decoded[i];
      if (rest != 0) drop(sum.index[i], rest);
    }
  }

  // sum += incoming, in order of index. The incoming entries move to the end of their memory.
  void add_incoming() {
    std::copy_backward(incoming.index.begin(), incoming.index.begin() + incoming.count,
                       incoming.index.begin() + 2 * k);
    std::copy_backward(incoming.value.begin(), incoming.value.begin() + incoming.count,
                       incoming.value.begin() + 2 * k);
    std::copy_n(sum.index.begin(), sum.count, work.begin());
    std::copy_n(sum.value.begin(), sum.count, sum.decoded.begin());
    std::uint32_t a = 0, b = 2 * k - incoming.count, count = 0;
    while (a < sum.count || b < 2 * k) {
      const bool mine = a < sum.count && (b == 2 * k || work[a] <= incoming.index[b]);
      const bool theirs = b < 2 * k && (a == sum.count || incoming.index[b] <= work[a]);
      sum.index[count] = mine ? work[a] : incoming.index[b];
      sum.value[count] = mine && theirs ? sum.decoded[a] + incoming.value[b]
                         : mine         ? sum.decoded[a]
                                        : incoming.value[b];
      ++count;
      a += mine ? 1 : 0;
      b += theirs ? 1 : 0;
    }
    sum.count = count;
  }

  void keep_k_largest() {
    if (sum.count <= k) return;
    LargestFilter filter(sum.values(), k, work);
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < sum.count; ++i) {
      if (!filter.keeps(sum.value[i])) {
        drop(sum.index[i], sum.value[i]);
        continue;
      }
      sum.index[kept] = sum.index[i];
      sum.value[kept++] = sum.value[i];
    }
    sum.count = kept;
  }
};

class GTopKState final : public ExchangeState {
 public:
  GTopKState(std::shared_ptr<const Sparsifier> codec, const GroupContext& context)
      : rank_(context.rank), world_(context.world), rows_(std::move(codec), context) {
    const RowBuilder builder(context, rows_.codec());
    for (Mailbox* box : {&up_, &from_below_, &result_})
      box->push_back(builder.frame(context.spec.pieces));
    for (std::size_t i = 0; i < rows_.size(); ++i)
      tree_.emplace_back(rows_.max_entries(i), rows_.capacity_entries(i), levels_of(world_));
  }

  std::size_t workspace_bytes() const override {
    std::size_t bytes = body_bytes({&up_, &from_below_, &result_});
    for (const TreeRow& row : tree_) bytes += row.bytes();
    return bytes;
  }
  void bind_workspace(Bytes memory) override {
    Scratch scratch(bind_frames({&up_, &from_below_, &result_}, memory));
    for (TreeRow& row : tree_) row.bind_workspace(scratch);
  }
  void swap_pairs() override { rows_.swap_pairs(); }
  std::size_t sent_bytes() const override;
  Task run(Group& group, Channel& channel) override;

 private:
  void select(Group& group);
  void pack_sums(Group& group, const Key& key, Frame& frame);
  void merge(Group& group, int sender);
  void apply_result(Group& group);

  int rank_, world_;
  SparseRows rows_;
  std::vector<TreeRow> tree_;         // by row
  Mailbox up_, from_below_, result_;  // one frame each
};

std::size_t GTopKState::sent_bytes() const {
  std::size_t messages = 0;
  for (int level = 0; level < levels_of(world_); ++level) {
    const TreeStep step = tree_step(rank_, world_, level);
    messages += (step.sends ? 1 : 0) + (step.receives ? 1 : 0);
  }
  return messages * message_bytes(up_[0]);
}

Task GTopKState::run(Group& group, Channel& channel) {
  const int levels = levels_of(world_);
  select(group);
  report_bad_row(group, rows_, channel);
  for (int level = 0; level < levels; ++level) {
    const TreeStep step = tree_step(rank_, world_, level);
    if (step.sends) pack_sums(group, group.key, up_[0]);
    report_bad_row(group, rows_, channel);
    co_await channel.pair(step.peer, step.sends ? &up_[0] : nullptr, step.peer,
                          step.receives ? &from_below_[0] : nullptr);
    if (step.receives) merge(group, step.peer);
  }
  if (rank_ == 0) pack_sums(group, group.key.next_phase(), result_[0]);
  report_bad_row(group, rows_, channel);
  for (int level = levels - 1; level >= 0; --level) {
    const TreeStep step = tree_step(rank_, world_, level);
    co_await channel.pair(step.peer, step.receives ? &result_[0] : nullptr, step.peer,
                          step.sends ? &result_[0] : nullptr);
  }
  apply_result(group);
}

void GTopKState::select(Group& group) {
  ProgressMeter progress(group.exec);
  for (std::size_t i = 0; i < tree_.size(); ++i) {
    TreeRow& row = tree_[i];
    row.dropped.count = 0;
    rows_.select(group, i, row.chosen, progress);
    row.sum.count = row.chosen.count;
    std::copy_n(row.chosen.index.begin(), row.chosen.count, row.sum.index.begin());
    std::copy_n(row.chosen.value.begin(), row.chosen.count, row.sum.value.begin());
  }
}

void GTopKState::pack_sums(Group& group, const Key& key, Frame& frame) {
  frame.clear();
  for (std::size_t i = 0; i < tree_.size(); ++i) {
    rows_.pack(group, i, key, tree_[i].k, tree_[i].sum, frame);
    tree_[i].drop_rounding();
  }
}

void GTopKState::merge(Group& group, int sender) {
  for (std::size_t i = 0; i < tree_.size(); ++i) {
    TreeRow& row = tree_[i];
    rows_.read(group, i, sender, from_below_[0].payload(i), row.k, row.incoming);
    row.add_incoming();
    row.keep_k_largest();
  }
}

void GTopKState::apply_result(Group& group) {
  ProgressMeter progress(group.exec);
  for (std::size_t i = 0; i < tree_.size(); ++i) {
    TreeRow& row = tree_[i];
    rows_.read(group, i, 0, result_[0].payload(i), row.k, row.incoming);
    const auto result = row.incoming.indices();
    const auto in_result = [&](std::uint32_t index) {
      return std::binary_search(result.begin(), result.end(), index);
    };
    Entries& chosen = row.chosen;
    std::uint32_t sent = 0;
    for (std::uint32_t j = 0; j < chosen.count; ++j) {
      if (!in_result(chosen.index[j])) continue;
      chosen.index[sent] = chosen.index[j];
      chosen.decoded[sent++] = chosen.value[j];
    }
    chosen.count = sent;
    Sparsifier::subtract_sent(rows_[i], group.feedback, chosen);
    for (std::uint32_t j = 0; j < row.dropped.count && group.feedback.ed != 0; ++j) {
      const std::uint32_t at = row.dropped.index[j];
      if (in_result(at)) rows_[i].e_out[at] -= group.feedback.ed * row.dropped.value[j];
    }
    rows_.write_mean(i, result, row.incoming.values(), feedback::weight(group.feedback, world_),
                     progress);
  }
}

}  // namespace

GTopKExchange::GTopKExchange(const std::shared_ptr<const Codec>& codec)
    : codec_(as_sparsifier(codec, "gtopk")) {}

int GTopKExchange::rounds(int world, std::uint64_t) const { return 2 * levels_of(world); }

std::unique_ptr<ExchangeState> GTopKExchange::build(const GroupContext& context) const {
  return std::make_unique<GTopKState>(codec_, context);
}

}  // namespace terse
