#include "terse/comm/exchange/sparse/oktopk_exchange.h"

#include <algorithm>
#include <bit>

#include "terse/comm/exchange/group_layout.h"
#include "terse/comm/exchange/sparse/oktopk_row.h"
#include "terse/compressors/kernels/cpu/select/collect.h"
#include "terse/compressors/kernels/cpu/select/select.h"

namespace terse {
namespace {

constexpr std::uint64_t kThresholdEvery = 32, kBalanceEvery = 64;
constexpr std::size_t kWord = sizeof(std::uint32_t);

bool finds_threshold(std::uint64_t step) { return step % kThresholdEvery == 0; }
bool balances(std::uint64_t step) { return step % kBalanceEvery == 0; }

std::size_t index_of(int rank) { return static_cast<std::size_t>(rank); }

class OkTopkState final : public ExchangeState {
 public:
  OkTopkState(std::shared_ptr<const Sparsifier> codec, const GroupContext& context);

  std::size_t workspace_bytes() const override {
    std::size_t bytes = body_bytes({&out_, &in_, &all_, &boundaries_, &magnitudes_});
    for (const OkTopkRow& row : regions_) bytes += row.bytes();
    return bytes;
  }
  void bind_workspace(Bytes memory) override {
    Scratch scratch(bind_frames({&out_, &in_, &all_, &boundaries_, &magnitudes_}, memory));
    for (OkTopkRow& row : regions_) row.bind_workspace(scratch);
  }
  void swap_pairs() override { rows_.swap_pairs(); }
  // In a step with all four rounds.
  std::size_t sent_bytes() const override {
    return all_to_all_bytes(out_, rank_) + all_gather_bytes(all_, rank_) +
           all_gather_bytes(boundaries_, rank_) + all_gather_bytes(magnitudes_, rank_);
  }
  Task run(Group& group, Channel& channel) override;

 private:
  void select(Group& group);
  void propose_boundaries();
  void average_boundaries();
  void scatter(Group& group);
  void sum_region(Group& group);
  void write_magnitudes();
  void select_threshold();
  void send_region(Group& group);
  void apply_result(Group& group);
  void read_result(Group& group, std::size_t i);
  void subtract_sent(Group& group, std::size_t i);

  int rank_, world_;
  SparseRows rows_;
  std::vector<OkTopkRow> regions_;  // by row
  Mailbox out_, in_, all_, boundaries_, magnitudes_;
};

OkTopkState::OkTopkState(std::shared_ptr<const Sparsifier> codec, const GroupContext& context)
    : rank_(context.rank), world_(context.world), rows_(std::move(codec), context) {
  const std::vector<Piece>& pieces = context.spec.pieces;
  const Sparsifier& sparsifier = rows_.codec();
  std::size_t entries = 0, magnitudes = 0;  // bytes of a message
  const std::size_t boundaries = kWord * static_cast<std::size_t>(world_ - 1) * pieces.size();
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const Layer& layer = context.layers[pieces[i].layer];
    Slot* const slot = context.state == nullptr
                           ? nullptr
                           : &context.state->slot(layer, "regions", OkTopkMemory::size(world_));
    const OkTopkRow& row =
        regions_.emplace_back(OkTopkMemory(slot, rows_[i].n, world_), rows_.max_entries(i),
                              rows_.capacity_entries(i), world_);
    entries += sparse_capacity(rows_[i].n, row.message_entries, sparsifier.values());
    magnitudes += kWord * std::size_t{row.message_entries};
  }
  const RowBuilder builder(context, sparsifier);
  for (int peer = 0; peer < world_; ++peer) {
    const bool self = peer == rank_;
    out_.push_back(self ? Frame() : builder.frame(pieces, entries));
    in_.push_back(self ? Frame() : builder.frame(pieces, entries));
    all_.push_back(builder.frame(pieces, entries));
    boundaries_.push_back(builder.frame(pieces, boundaries));
    magnitudes_.push_back(builder.frame(pieces, magnitudes));
  }
}

Task OkTopkState::run(Group& group, Channel& channel) {
  const std::uint64_t step = group.key.step;
  select(group);
  report_bad_row(group, rows_, channel);
  if (balances(step)) {
    propose_boundaries();
    co_await channel.all_gather(boundaries_);
    average_boundaries();
  }
  scatter(group);
  report_bad_row(group, rows_, channel);
  co_await channel.all_to_all(out_, in_);
  sum_region(group);
  if (finds_threshold(step)) {
    write_magnitudes();
    co_await channel.all_gather(magnitudes_);
    select_threshold();
  }
  send_region(group);
  report_bad_row(group, rows_, channel);
  co_await channel.all_gather(all_);
  apply_result(group);
}

void OkTopkState::select(Group& group) {
  ProgressMeter progress(group.exec);
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    regions_[i].memory.begin();
    rows_.select(group, i, regions_[i].chosen, progress);
  }
}

// Boundaries that divide this rank's chosen entries evenly.
void OkTopkState::propose_boundaries() {
  Frame& frame = boundaries_[index_of(rank_)];
  frame.clear();
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    const OkTopkRow& row = regions_[i];
    const std::uint64_t n = rows_[i].n;
    for (std::uint32_t r = 1; r < row.world(); ++r) {
      const auto cut = row.chosen.count > 0
                           ? row.chosen.index[std::uint64_t{row.chosen.count} * r / row.world()]
                           : static_cast<std::uint32_t>(n * r / row.world());
      store(frame.space().data() + kWord * (r - 1), cut);
    }
    frame.end_row(kWord * (row.world() - 1));
  }
}

// The average of the proposals.
void OkTopkState::average_boundaries() {
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    OkTopkRow& row = regions_[i];
    const Row& of = rows_[i];
    for (std::size_t rank = 0; rank < boundaries_.size(); ++rank) {
      const ConstBytes said = boundaries_[rank].payload(i);
      if (said.size() != kWord * (row.world() - 1))
        throw_damaged(of, i, rank, "its number of region boundaries does not fit the world");
      for (std::uint32_t r = 0, least = 0; r + 1 < row.world(); ++r) {
        const auto cut = load<std::uint32_t>(said.data() + kWord * r);
        if (cut < least || cut > of.n)
          throw_damaged(of, i, rank, "its region boundaries are out of order");
        least = cut;
      }
    }
    for (std::uint32_t r = 1; r < row.world(); ++r) {
      std::uint64_t total = 0;
      for (const Frame& frame : boundaries_)
        total += load<std::uint32_t>(frame.payload(i).data() + kWord * (r - 1));
      row.memory.set_boundary(static_cast<int>(r), static_cast<std::uint32_t>(total / row.world()));
    }
  }
}

void OkTopkState::scatter(Group& group) {
  clear_frames(out_);
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    OkTopkRow& row = regions_[i];
    row.divide(rank_);
    for (int peer = 0; peer < static_cast<int>(row.world()); ++peer) {
      Entries part = row.chosen_in(peer);
      if (peer == rank_) {
        std::copy(part.value.begin(), part.value.end(), part.decoded.begin());
        continue;
      }
      Key key = group.key;
      key.phase += 2 * static_cast<std::uint32_t>(peer);
      rows_.pack(group, i, key, row.message_entries, part, out_[index_of(peer)]);
      row.counts[index_of(peer)] = part.count;
    }
  }
}

// In rank order, in the row's place for the mean, which is free now.
void OkTopkState::sum_region(Group& group) {
  ProgressMeter progress(group.exec);
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    OkTopkRow& row = regions_[i];
    const Row& of = rows_[i];
    const std::uint32_t begin = row.memory.boundary(rank_), end = row.memory.boundary(rank_ + 1);
    std::fill_n(of.out + begin, end - begin, 0.0f);
    const auto add = [&](const Entries& entries, std::span<const float> values) {
      for (std::uint32_t j = 0; j < entries.count; ++j) of.out[entries.index[j]] += values[j];
    };
    for (int peer = 0; peer < static_cast<int>(row.world()); ++peer) {
      if (peer == rank_) {
        const Entries mine = row.chosen_in(rank_);
        add(mine, mine.values());
        continue;
      }
      rows_.read(group, i, peer, in_[index_of(peer)].payload(i), row.message_entries, row.incoming);
      for (const std::uint32_t index : row.incoming.indices()) {
        if (index < begin || index >= end)
          throw_damaged(of, i, index_of(peer),
                        "an index is outside the region that it was sent to");
      }
      add(row.incoming, row.incoming.values());
    }
    kernels::Collected found{row.region.index.data(), row.region.value.data(),
                             row.region.index.size()};
    kernels::collect({of.out + begin, end - begin}, begin, 1, found);
    row.region.count = static_cast<std::uint32_t>(found.found);
    progress.add(end - begin);
  }
}

// The largest of the region's sums: as many as its answer can hold.
void OkTopkState::write_magnitudes() {
  Frame& frame = magnitudes_[index_of(rank_)];
  frame.clear();
  for (OkTopkRow& row : regions_) {
    const std::uint32_t count = std::min(row.region.count, row.message_entries);
    const auto values = row.region.values();
    const std::uint32_t least = count > 0 ? row.kth_magnitude(count, values) : 0;
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

void OkTopkState::select_threshold() {
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    OkTopkRow& row = regions_[i];
    std::span<float> all = row.result.value;
    std::uint32_t count = 0;
    for (std::size_t rank = 0; rank < magnitudes_.size(); ++rank) {
      const ConstBytes said = magnitudes_[rank].payload(i);
      if (said.size() % kWord != 0 || said.size() > kWord * row.message_entries)
        throw_damaged(rows_[i], i, rank, "it has more magnitudes than its region can send");
      for (std::size_t at = 0; at < said.size(); at += kWord)
        all[count++] = load<float>(said.data() + at);
    }
    const std::uint32_t max_entries = std::min(count, row.k);
    row.memory.set_threshold(
        max_entries == 0 ? 0.0f
                         : std::bit_cast<float>(row.kth_magnitude(max_entries, all.first(count))));
  }
}

void OkTopkState::send_region(Group& group) {
  Frame& frame = all_[index_of(rank_)];
  frame.clear();
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    OkTopkRow& row = regions_[i];
    Entries& region = row.region;
    const std::uint32_t least = kernels::magnitude(row.memory.threshold());
    std::uint32_t kept = 0;
    for (std::uint32_t j = 0; j < region.count; ++j) {
      if (kernels::magnitude(region.value[j]) < least) continue;
      region.index[kept] = region.index[j];
      region.value[kept++] = region.value[j];
    }
    region.count =
        row.keep_at_most(row.message_entries, region.index.first(kept), region.value.first(kept));
    rows_.pack(group, i, group.key.next_phase(), row.message_entries, region, frame);
  }
}

void OkTopkState::apply_result(Group& group) {
  ProgressMeter progress(group.exec);
  const Feedback& f = group.feedback;
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    OkTopkRow& row = regions_[i];
    read_result(group, i);
    subtract_sent(group, i);
    // The owner of a region keeps what its rounding lost.
    for (std::uint32_t j = 0; j < row.region.count && f.ed != 0; ++j)
      rows_[i].e_out[row.region.index[j]] -= f.ed * (row.region.value[j] - row.region.decoded[j]);
    rows_.write_mean(i, row.result.indices(), row.result.values(), feedback::weight(f, world_),
                     progress);
  }
}

void OkTopkState::read_result(Group& group, std::size_t i) {
  OkTopkRow& row = regions_[i];
  row.result.count = 0;
  for (int peer = 0; peer < world_; ++peer) {
    rows_.read(group, i, peer, all_[index_of(peer)].payload(i), row.message_entries, row.incoming);
    const std::uint32_t begin = row.memory.boundary(peer), end = row.memory.boundary(peer + 1);
    for (std::uint32_t j = 0; j < row.incoming.count; ++j) {
      if (row.incoming.index[j] < begin || row.incoming.index[j] >= end)
        throw_damaged(rows_[i], i, index_of(peer), "an index is outside the region of its sender");
      row.result.index[row.result.count] = row.incoming.index[j];
      row.result.value[row.result.count++] = row.incoming.value[j];
    }
  }
}

// Entries that this rank sent and the result has.
void OkTopkState::subtract_sent(Group& group, std::size_t i) {
  OkTopkRow& row = regions_[i];
  const auto result = row.result.indices();
  for (int region = 0; region < world_; ++region) {
    Entries entries = row.chosen_in(region);
    std::uint32_t sent = 0;
    for (std::uint32_t j = 0; j < entries.count; ++j) {
      if (!std::binary_search(result.begin(), result.end(), entries.index[j])) continue;
      entries.index[sent] = entries.index[j];
      entries.decoded[sent++] = entries.decoded[j];
    }
    entries.count = sent;
    Sparsifier::subtract_sent(rows_[i], group.feedback, entries);
  }
}

}  // namespace

OkTopkExchange::OkTopkExchange(const std::shared_ptr<const Codec>& codec)
    : codec_(as_sparsifier(codec, "oktopk")) {}

int OkTopkExchange::rounds(int world, std::uint64_t step) const {
  if (world == 1) return 0;
  return 2 + (finds_threshold(step) ? 1 : 0) + (balances(step) ? 1 : 0);
}

std::unique_ptr<ExchangeState> OkTopkExchange::build(const GroupContext& context) const {
  return std::make_unique<OkTopkState>(codec_, context);
}

}  // namespace terse
