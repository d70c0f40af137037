#include "terse/comm/exchange/sparse/shared_indices_exchange.h"

#include <algorithm>
#include <numeric>

#include "terse/base/error.h"
#include "terse/comm/exchange/group_layout.h"
#include "terse/comm/exchange/sparse/sparse_rows.h"
#include "terse/comm/exchange/sums/vector_sum.h"

namespace terse {
namespace {

constexpr Feedback kRounding{.ev = 1, .ed = -1};

// The values of the chosen entries, k for each row.
VectorSum sum_of(const GroupContext& context, const SparseRows& rows) {
  const ValueCodec& values = rows.codec().values();
  std::vector<std::uint32_t> sizes;
  for (std::size_t i = 0; i < rows.size(); ++i) sizes.push_back(rows.max_entries(i));
  return {context, sizes, values.codec(), values.level()};
}

class SharedIndicesState final : public ExchangeState {
 public:
  SharedIndicesState(std::shared_ptr<const Sparsifier> codec, IndexSource source,
                     const GroupContext& context);

  std::size_t workspace_bytes() const override {
    std::size_t bytes = body_bytes({&indices_}) + sum_.workspace_bytes();
    for (std::size_t i = 0; i < rows_.size(); ++i)
      bytes += terse::entries_bytes(rows_.capacity_entries(i));
    return bytes;
  }
  void bind_workspace(Bytes memory) override {
    Scratch scratch(sum_.bind_workspace(bind_frames({&indices_}, memory)));
    for (std::size_t i = 0; i < rows_.size(); ++i)
      entries_[i] = take_entries(scratch, rows_.capacity_entries(i));
  }
  void swap_pairs() override { rows_.swap_pairs(); }
  // As the leader of the step.
  std::size_t sent_bytes() const override {
    const std::size_t indices = indices_.empty() ? 0 : message_bytes(indices_[0]);
    return sum_.sent_bytes() + static_cast<std::size_t>(world_ - 1) * indices;
  }
  Task run(Group& group, Channel& channel) override;

 private:
  void select(Group& group);
  void write_indices();
  void read_indices(Group& group, int leader);
  void apply_mean(Group& group, bool rounded);

  int world_;
  SparseRows rows_;
  VectorSum sum_;
  std::vector<Entries> entries_;  // by row
  Mailbox indices_;               // the leader's frame, if there are leaders
};

SharedIndicesState::SharedIndicesState(std::shared_ptr<const Sparsifier> codec, IndexSource source,
                                       const GroupContext& context)
    : world_(context.world),
      rows_(std::move(codec), context),
      sum_(sum_of(context, rows_)),
      entries_(rows_.size()) {
  sum_.add_rounding();
  if (source != IndexSource::leader) return;
  std::size_t capacity = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i)
    capacity += index_capacity(rows_[i].n, rows_.max_entries(i));
  indices_.push_back(RowBuilder(context, rows_.codec()).frame(context.spec.pieces, capacity));
}

Task SharedIndicesState::run(Group& group, Channel& channel) {
  const bool rounded = group.feedback.keeps_residual() && !rows_.codec().values().exact();
  sum_.begin(group, rounded ? kRounding : feedback::kNone);

  if (!indices_.empty()) {
    const auto leader =
        static_cast<int>(group.key.step % static_cast<std::uint64_t>(channel.size()));
    if (leader == channel.rank()) {
      select(group);
      write_indices();
      report_bad_row(group, rows_, channel);
    }
    co_await channel.broadcast(leader, indices_[0]);
    if (leader != channel.rank()) read_indices(group, leader);
  } else {
    select(group);
  }
  report_bad_row(group, rows_, channel);
  for (std::size_t i = 0; i < entries_.size(); ++i)
    std::copy_n(entries_[i].value.begin(), entries_[i].count, sum_.vector(i));
  sum_.scatter(channel);
  co_await channel.all_to_all(sum_.out(), sum_.in());
  sum_.reduce(channel);
  co_await channel.all_gather(sum_.all());
  sum_.collect();
  apply_mean(group, rounded);
}

// As many entries as the sum has, even where the row is bad: the step's result is void then.
void SharedIndicesState::select(Group& group) {
  ProgressMeter progress(group.exec);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entries& entries = entries_[i];
    rows_.select(group, i, entries, progress);
    const std::uint32_t k = rows_.max_entries(i);
    if (entries.count == k) continue;
    entries.count = k;
    std::iota(entries.index.begin(), entries.index.begin() + k, 0u);
    std::fill_n(entries.value.begin(), k, 0.0f);
  }
}

void SharedIndicesState::write_indices() {
  Frame& frame = indices_[0];
  frame.clear();
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::uint32_t n = rows_[i].n;
    const auto indices = entries_[i].indices();
    const IndexCode code = smallest_code(n, indices);
    terse::write_indices(frame.space().data(), n, indices, code);
    frame.end_row(code.bytes);
  }
}

void SharedIndicesState::read_indices(Group& group, int leader) {
  ProgressMeter progress(group.exec);
  const auto sender = static_cast<std::size_t>(leader);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Row& row = rows_[i];
    const ConstBytes payload = indices_[0].payload(i);
    const std::uint32_t k = rows_.max_entries(i);
    const PayloadError error = IndexReader::find_error(payload, row.n, k);
    if (error) throw_damaged(row, i, sender, *error);
    const IndexReader reader(payload, row.n);
    if (reader.count() != k || reader.bytes() != payload.size())
      throw_damaged(row, i, sender, "it has fewer indices than its density says");
    reader.read(entries_[i].index.data());
    entries_[i].count = k;
    rows_.gather(group, i, entries_[i], progress);
  }
}

void SharedIndicesState::apply_mean(Group& group, bool rounded) {
  ProgressMeter progress(group.exec);
  const Feedback& f = group.feedback;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Row& row = rows_[i];
    const float* const rounding = rounded ? sum_.rounding(i) : nullptr;
    Entries& entries = entries_[i];
    for (std::uint32_t j = 0; j < entries.count; ++j)
      entries.decoded[j] = rounded ? entries.value[j] - rounding[j] : entries.value[j];
    Sparsifier::subtract_sent(row, f, entries);
    // Where the residual is v less what was sent, that is known to the bit.
    const bool plain = f.ev == 1 && f.ee == 0 && f.ed == -1;
    for (std::uint32_t j = 0; rounded && plain && j < entries.count; ++j)
      row.e_out[entries.index[j]] = rounding[j];
    rows_.write_mean(i, entries.indices(), {sum_.vector(i), entries.count}, 1 / f.unit, progress);
  }
}

}  // namespace

SharedIndicesExchange::SharedIndicesExchange(const std::shared_ptr<const Codec>& codec,
                                             IndexSource source)
    : codec_(as_sparsifier(codec, "shared_indices")), source_(source) {}

int SharedIndicesExchange::rounds(int world, std::uint64_t) const {
  if (world == 1) return 0;
  return source_ == IndexSource::leader ? 3 : 2;
}

std::unique_ptr<ExchangeState> SharedIndicesExchange::build(const GroupContext& context) const {
  return std::make_unique<SharedIndicesState>(codec_, source_, context);
}

}  // namespace terse
