#include "terse/comm/exchange/low_rank_exchange.h"

#include <algorithm>

#include "terse/base/error.h"
#include "terse/comm/exchange/group_layout.h"
#include "terse/comm/exchange/sums/vector_sum.h"
#include "terse/compressors/low_rank/low_rank.h"

namespace terse {
namespace {

using low_rank::Factors;
using low_rank::Side;

low_rank::Shape shape_in(const GroupContext& context, const Piece& piece) {
  const Layer& layer = context.layers[piece.layer];
  if (layer.rows == 0 || layer.size % layer.rows != 0 || piece.n != layer.size) {
    fail<JobError>("layer {} is not a matrix as a whole; powersgd can do nothing for it.",
                   layer.name);
  }
  return low_rank::shape_of(layer.rows, layer.size / layer.rows,
                            context.plan.assignments[piece.layer].level);
}

// The vectors of one side are sent as they are.
VectorSum sum_of(const GroupContext& context, Side side) {
  std::vector<std::uint32_t> sizes;
  for (const Piece& piece : context.spec.pieces) {
    const low_rank::Shape shape = shape_in(context, piece);
    sizes.push_back(static_cast<std::uint32_t>(side == Side::p ? shape.p() : shape.q()));
  }
  return {context, sizes, make_codec({.name = "none"}), 0};
}

class LowRankState final : public ExchangeState {
 public:
  LowRankState(const GroupContext& context, bool alternating);

  std::size_t workspace_bytes() const override {
    return p_.workspace_bytes() + q_.workspace_bytes();
  }
  void bind_workspace(Bytes memory) override { q_.bind_workspace(p_.bind_workspace(memory)); }
  std::size_t sent_bytes() const override {
    const std::size_t p = p_.sent_bytes(), q = q_.sent_bytes();
    return alternating_ ? std::max(p, q) : p + q;
  }
  void swap_pairs() override {
    for (Factors& f : table_) swap_row_pairs({&f.row, 1});
  }

  Task run(Group& group, Channel& channel) override {
    return alternating_ ? run_alternating(group, channel) : run_both(group, channel);
  }

 private:
  Task run_both(Group& group, Channel& channel);
  Task run_alternating(Group& group, Channel& channel);
  void load_basis();
  void store_basis();
  void reseed_zero_columns(Side side, Key key);
  void report_bad_matrix(Group& group, Channel& channel);

  bool alternating_;
  VectorSum p_, q_;
  std::vector<Factors> table_;
  std::vector<Slot*> bases_;
};

LowRankState::LowRankState(const GroupContext& context, bool alternating)
    : alternating_(alternating), p_(sum_of(context, Side::p)), q_(sum_of(context, Side::q)) {
  if (context.state == nullptr) return;
  const std::vector<Piece>& pieces = context.spec.pieces;
  const Codec& codec = *context.plan.schemes[context.spec.scheme].codec;
  const RowBuilder builder(context, codec);
  for (std::uint32_t i = 0; i < pieces.size(); ++i) {
    const low_rank::Shape shape = shape_in(context, pieces[i]);
    table_.push_back({.row = builder.row(pieces[i], kEvery, i),
                      .shape = shape,
                      .p = p_.vector(i),
                      .q = q_.vector(i)});
    bases_.push_back(&context.state->slot(context.layers[pieces[i].layer], "basis",
                                          shape.q() + (alternating ? shape.p() : 0)));
  }
}

void LowRankState::load_basis() {
  for (std::size_t i = 0; i < table_.size(); ++i) {
    Factors& f = table_[i];
    f.finite = true;
    const float* const basis = bases_[i]->now();
    std::copy_n(basis, f.shape.q(), f.q);
    if (alternating_) std::copy_n(basis + f.shape.q(), f.shape.p(), f.p);
  }
}

void LowRankState::store_basis() {
  for (std::size_t i = 0; i < table_.size(); ++i) {
    const Factors& f = table_[i];
    float* const basis = bases_[i]->next();
    std::copy_n(f.q, f.shape.q(), basis);
    if (alternating_) std::copy_n(f.p, f.shape.p(), basis + f.shape.q());
  }
}

void LowRankState::reseed_zero_columns(Side side, Key key) {
  key.rank = kShared;
  for (const Factors& f : table_) {
    if (side == Side::q)
      low_rank::reseed_zero_columns(f.q, f.shape.n1, f.shape.rank, key, f.row.layer);
    if (side == Side::p)
      low_rank::reseed_zero_columns(f.p, f.shape.n0, f.shape.rank, key, f.row.layer);
  }
}

void LowRankState::report_bad_matrix(Group& group, Channel& channel) {
  if (group.bad_row >= 0)
    report_bad_layer(group, table_[static_cast<std::size_t>(group.bad_row)].row.layer, channel);
}

Task LowRankState::run_both(Group& group, Channel& channel) {
  load_basis();
  p_.begin(group, feedback::kNone);
  q_.begin(group, feedback::kNone);
  reseed_zero_columns(Side::q, group.key);
  low_rank::fold_and_project(table_, group.feedback, Side::p, group.exec);
  report_bad_matrix(group, channel);
  p_.scatter(channel);
  co_await channel.all_to_all(p_.out(), p_.in());
  p_.reduce(channel);
  co_await channel.all_gather(p_.all());
  p_.collect();

  for (const Factors& f : table_) low_rank::orthonormalize(f.p, f.shape.n0, f.shape.rank);
  low_rank::project(table_, group.feedback, Side::q, group.exec);
  report_bad_matrix(group, channel);
  q_.scatter(channel);
  co_await channel.all_to_all(q_.out(), q_.in());
  q_.reduce(channel);
  co_await channel.all_gather(q_.all());
  q_.collect();

  low_rank::rebuild(table_, group.feedback, low_rank::ResidualUpdate::now, group.exec);
  store_basis();
}

Task LowRankState::run_alternating(Group& group, Channel& channel) {
  const Side side = group.key.step % 2 == 0 ? Side::p : Side::q;
  VectorSum& sum = side == Side::p ? p_ : q_;
  load_basis();
  sum.begin(group, feedback::kNone);
  reseed_zero_columns(side == Side::p ? Side::q : Side::p, group.key);
  low_rank::fold_and_project(table_, group.feedback, side, group.exec);
  report_bad_matrix(group, channel);
  low_rank::subtract(table_, group.feedback, group.exec);
  sum.scatter(channel);
  co_await channel.all_to_all(sum.out(), sum.in());
  sum.reduce(channel);
  co_await channel.all_gather(sum.all());
  sum.collect();

  low_rank::rebuild(table_, group.feedback, low_rank::ResidualUpdate::done, group.exec);
  store_basis();
}

}  // namespace

int LowRankExchange::rounds(int world, std::uint64_t) const {
  if (world == 1) return 0;
  return alternating_ ? 2 : 4;
}

std::unique_ptr<ExchangeState> LowRankExchange::build(const GroupContext& context) const {
  return std::make_unique<LowRankState>(context, alternating_);
}

}  // namespace terse
