#include "terse/comm/exchange/low_rank_exchange.h"

#include <algorithm>

#include "terse/base/error.h"
#include "terse/comm/exchange/group_buffers.h"
#include "terse/compressors/low_rank/low_rank.h"

namespace terse {
namespace {

using low_rank::Factors;
using low_rank::Side;

constexpr std::size_t kAlignment = 16;  // elements: 64 bytes

// The vectors of one side as the sum sees them: small layers of the same names.
struct Vectors {
  std::vector<Layer> layers;
  Plan plan;
  GroupSpec spec;
  std::size_t elements = 0;  // with the gaps between layers

  void add(const Layer& layer, std::size_t size) {
    spec.pieces.push_back(
        {static_cast<std::uint32_t>(layers.size()), 0, static_cast<std::uint32_t>(size)});
    layers.push_back({.name = layer.name,
                      .grad = nullptr,
                      .size = static_cast<std::uint32_t>(size),
                      .dimensions = 2});
    plan.assignments.emplace_back();
    elements += round_up(size, kAlignment);
  }

  void place(float* at) {
    for (Layer& layer : layers) {
      layer.grad = at;
      at += round_up(layer.size, kAlignment);
    }
  }
};

low_rank::Shape shape_in(const GroupContext& context, const Piece& piece) {
  const Layer& layer = context.layers[piece.layer];
  if (layer.rows == 0 || layer.size % layer.rows != 0 || piece.n != layer.size) {
    fail<JobError>("layer {} is not a matrix as a whole; powersgd can do nothing for it.",
                   layer.name);
  }
  return low_rank::shape_of(layer.rows, layer.size / layer.rows,
                            context.plan.assignments[piece.layer].level);
}

Vectors vectors_of(const GroupContext& context, Side side) {
  Vectors vectors;
  vectors.plan.schemes.push_back(context.plan.schemes.front());
  for (const Piece& piece : context.spec.pieces) {
    const low_rank::Shape shape = shape_in(context, piece);
    vectors.add(context.layers[piece.layer], side == Side::p ? shape.p() : shape.q());
  }
  return vectors;
}

// One side of all layers of a group, and the sum of it over ranks.
struct Half {
  FloatBuffer memory{0};
  Group sum;

  void build(const GroupContext& context, const ReduceScatterExchange& exchange, Side side) {
    Vectors vectors = vectors_of(context, side);
    memory = FloatBuffer(vectors.elements);
    vectors.place(memory.values().data());
    sum.buffers = exchange.build({vectors.layers, vectors.plan, vectors.spec, context.rank,
                                  context.world, nullptr, nullptr});
  }

  void begin(const Group& group) {
    sum.key = group.key;
    sum.exec = group.exec;
    sum.bad_row = -1;
    sum.exec.bad_row = &sum.bad_row;
  }
};

struct Work final : ExchangeState {
  std::vector<Factors> table;
  std::vector<Slot*> bases;
  Half p, q;
  bool keeps_p = false;

  void bind_workspace(Bytes memory) override {
    p.sum.buffers.bind_workspace(memory);
    q.sum.buffers.bind_workspace(memory.subspan(p.sum.buffers.workspace));
  }

  Half& half(Side side) { return side == Side::p ? p : q; }

  // What is remembered, into place. Rows are the group's own, which a committed step may swap.
  void begin(Group& group) {
    p.begin(group);
    q.begin(group);
    for (std::size_t i = 0; i < table.size(); ++i) {
      Factors& f = table[i];
      f.row = group.buffers.send[i];
      f.sound = true;
      const float* const basis = bases[i]->now();
      std::copy_n(basis, f.shape.q(), f.q);
      if (keeps_p) std::copy_n(basis + f.shape.q(), f.shape.p(), f.p);
    }
  }

  void keep() {
    for (std::size_t i = 0; i < table.size(); ++i) {
      const Factors& f = table[i];
      float* const basis = bases[i]->next();
      std::copy_n(f.q, f.shape.q(), basis);
      if (keeps_p) std::copy_n(f.p, f.shape.p(), basis + f.shape.q());
    }
  }

  void reseed_zero_columns(Side side, Key key) {
    key.rank = kShared;
    for (const Factors& f : table) {
      if (side == Side::q)
        low_rank::reseed_zero_columns(f.q, f.shape.n1, f.shape.rank, key, f.row.layer);
      if (side == Side::p)
        low_rank::reseed_zero_columns(f.p, f.shape.n0, f.shape.rank, key, f.row.layer);
    }
  }

  void orthonormalize_p() {
    for (const Factors& f : table) low_rank::orthonormalize(f.p, f.shape.n0, f.shape.rank);
  }
};

Work& state_of(Group& group) { return static_cast<Work&>(*group.buffers.state); }

}  // namespace

LowRankExchange::LowRankExchange(std::shared_ptr<const Codec> codec, bool alternating)
    : codec_(std::move(codec)), sum_(make_codec({.name = "none"})), alternating_(alternating) {}

int LowRankExchange::rounds(int world, std::uint64_t) const {
  if (world == 1) return 0;
  return alternating_ ? 2 : 4;
}

GroupBuffers LowRankExchange::build(const GroupContext& context) const {
  auto work = std::make_unique<Work>();
  work->p.build(context, sum_, Side::p);
  work->q.build(context, sum_, Side::q);
  work->keeps_p = alternating_;
  GroupBuffers buffers;
  RowBuilder(context, *codec_).add(buffers.send, context.spec.pieces, kEvery);
  float* p = work->p.memory.values().data();
  float* q = work->q.memory.values().data();
  for (std::size_t i = 0; i < buffers.send.size(); ++i) {
    const Piece& piece = context.spec.pieces[i];
    const low_rank::Shape shape = shape_in(context, piece);
    work->table.push_back({.row = buffers.send[i], .shape = shape, .p = p, .q = q});
    work->bases.push_back(&context.state->slot(context.layers[piece.layer], "basis",
                                               shape.q() + (alternating_ ? shape.p() : 0)));
    p += round_up(shape.p(), kAlignment);
    q += round_up(shape.q(), kAlignment);
  }
  buffers.workspace = work->p.sum.buffers.workspace + work->q.sum.buffers.workspace;
  buffers.state = std::move(work);
  return buffers;
}

Task LowRankExchange::run(Group& group, Channel& channel) const {
  return alternating_ ? run_alternating(group, channel) : run_both(group, channel);
}

Task LowRankExchange::run_both(Group& group, Channel& channel) const {
  Work& work = state_of(group);
  Group& p = work.p.sum;
  Group& q = work.q.sum;
  work.begin(group);
  work.reseed_zero_columns(Side::q, group.key);
  low_rank::fold_and_project(work.table, group.feedback, Side::p, group.exec);
  report_bad_row(group, group.buffers.send, channel);
  sum_.scatter(p, channel);
  co_await channel.all_to_all(p.buffers.out, p.buffers.in);
  sum_.reduce(p, channel);
  co_await channel.all_gather(p.buffers.all);
  sum_.collect(p);

  work.orthonormalize_p();
  low_rank::project(work.table, group.feedback, Side::q, group.exec);
  report_bad_row(group, group.buffers.send, channel);
  sum_.scatter(q, channel);
  co_await channel.all_to_all(q.buffers.out, q.buffers.in);
  sum_.reduce(q, channel);
  co_await channel.all_gather(q.buffers.all);
  sum_.collect(q);

  low_rank::rebuild(work.table, group.feedback, low_rank::Settle::now, group.exec);
  work.keep();
}

Task LowRankExchange::run_alternating(Group& group, Channel& channel) const {
  Work& work = state_of(group);
  const Side side = group.key.step % 2 == 0 ? Side::p : Side::q;
  Group& sum = work.half(side).sum;
  work.begin(group);
  work.reseed_zero_columns(side == Side::p ? Side::q : Side::p, group.key);
  low_rank::fold_and_project(work.table, group.feedback, side, group.exec);
  report_bad_row(group, group.buffers.send, channel);
  low_rank::subtract(work.table, group.feedback, group.exec);
  sum_.scatter(sum, channel);
  co_await channel.all_to_all(sum.buffers.out, sum.buffers.in);
  sum_.reduce(sum, channel);
  co_await channel.all_gather(sum.buffers.all);
  sum_.collect(sum);

  low_rank::rebuild(work.table, group.feedback, low_rank::Settle::settled, group.exec);
  work.keep();
}

std::size_t LowRankExchange::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                        const GroupSpec& spec, int rank, int world) const {
  const GroupContext context = sizing_context(layers, plan, spec, rank, world);
  const auto side_bytes = [&](Side side) {
    const Vectors vectors = vectors_of(context, side);
    return sum_.sent_bytes(vectors.layers, vectors.plan, vectors.spec, rank, world);
  };
  const std::size_t p = side_bytes(Side::p), q = side_bytes(Side::q);
  return alternating_ ? std::max(p, q) : p + q;
}

}  // namespace terse
