#include "terse/comm/exchange/sparse/shared_indices_exchange.h"

#include <algorithm>
#include <numeric>

#include "terse/base/error.h"
#include "terse/comm/exchange/group_buffers.h"
#include "terse/comm/exchange/sparse/sparse_rows.h"

namespace terse {
namespace {

constexpr std::size_t kAlignment = 16;  // elements: 64 bytes
constexpr Feedback kRounding{.ev = 1, .ed = -1};

// What the sum is over: vectors of k values under the names of their layers.
struct Vectors {
  std::vector<Layer> layers;
  Plan plan;
  GroupSpec spec{.scheme = 1, .pieces = {}};
  std::size_t elements = 0;

  Vectors(const GroupContext& context, const Sparsifier& codec) {
    const ValueCodec& values = codec.values();
    plan.schemes.push_back(context.plan.schemes.front());
    plan.schemes.push_back({.name = "values", .codec = values.codec(), .feedback = {}});
    for (const Piece& piece : context.spec.pieces) {
      const std::uint32_t k =
          codec.max_entries(piece.n, context.plan.assignments[piece.layer].level);
      const auto index = static_cast<std::uint32_t>(layers.size());
      layers.push_back(
          {.name = context.layers[piece.layer].name, .grad = nullptr, .size = k, .dimensions = 2});
      spec.pieces.push_back({index, 0, k});
      plan.assignments.push_back({.scheme = 1, .level = values.level()});
      elements += round_up(k, kAlignment);
    }
  }

  void place(float* at) {
    for (Layer& layer : layers) {
      layer.grad = at;
      at += round_up(layer.size, kAlignment);
    }
  }
};

// `values` become the mean; `rest` is what their rounding lost, at the same places.
struct SharedIndicesState final : ExchangeState {
  FloatBuffer values{0}, rest{0};
  Group sum;
  std::vector<Entries> rows;
  std::vector<std::uint32_t> capacities;
  std::vector<std::size_t> places;

  void bind_workspace(Bytes memory) override {
    sum.buffers.bind_workspace(memory);
    Scratch scratch(memory.subspan(sum.buffers.workspace));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = take_entries(scratch, capacities[i]);
  }

  float* mean(std::size_t i) const { return values.values().data() + places[i]; }
  const float* lost(std::size_t i) const { return rest.values().data() + places[i]; }
};

SharedIndicesState& state_of(Group& group) {
  return static_cast<SharedIndicesState&>(*group.buffers.state);
}

}  // namespace

SharedIndicesExchange::SharedIndicesExchange(const std::shared_ptr<const Codec>& codec,
                                             IndexSource chooser)
    : codec_(as_sparsifier(codec, "SharedSupport")),
      sum_(codec_->values().codec()),
      index_source_(chooser) {}

int SharedIndicesExchange::rounds(int world, std::uint64_t) const {
  if (world == 1) return 0;
  return index_source_ == IndexSource::leader ? 3 : 2;
}

Frame SharedIndicesExchange::choice_frame(const GroupContext& context) const {
  const RowBuilder builder(context, *codec_);
  Body body = builder.body(context.spec.pieces);
  body.capacity = 0;
  for (const Piece& piece : context.spec.pieces) {
    const std::uint32_t k =
        codec_->max_entries(piece.n, context.plan.assignments[piece.layer].level);
    body.capacity += index_capacity(piece.n, k);
  }
  return Frame(std::move(body.tags), body.capacity);
}

GroupBuffers SharedIndicesExchange::build(const GroupContext& context) const {
  auto state = std::make_unique<SharedIndicesState>();
  Vectors vectors(context, *codec_);
  state->values = FloatBuffer(vectors.elements);
  state->rest = FloatBuffer(vectors.elements);
  vectors.place(state->values.values().data());
  GroupBuffers& inner = state->sum.buffers;
  inner = sum_.build(
      {vectors.layers, vectors.plan, vectors.spec, context.rank, context.world, nullptr, nullptr});
  const float* const begin = state->values.values().data();
  for (std::vector<Row>* table : {&inner.send, &inner.own, &inner.reencode}) {
    for (Row& row : *table) row.e_out = state->rest.values().data() + (row.grad - begin);
  }

  GroupBuffers buffers;
  RowBuilder(context, *codec_).add(buffers.send, context.spec.pieces, 0);
  if (index_source_ == IndexSource::leader) buffers.all.push_back(choice_frame(context));
  buffers.workspace = body_bytes(buffers.all) + inner.workspace;
  std::size_t place = 0;
  for (const Row& row : buffers.send) {
    state->rows.emplace_back();
    state->capacities.push_back(codec_->capacity_entries(row.n, row.level));
    state->places.push_back(place);
    place += round_up(max_entries_of(*codec_, row), kAlignment);
    buffers.workspace += entries_bytes(state->capacities.back());
  }
  buffers.state = std::move(state);
  return buffers;
}

Task SharedIndicesExchange::run(Group& group, Channel& channel) const {
  SharedIndicesState& state = state_of(group);
  Group& sum = state.sum;
  sum.key = group.key;
  sum.exec = group.exec;
  sum.bad_row = -1;
  sum.exec.bad_row = &sum.bad_row;
  sum.feedback =
      group.feedback.keeps_residual() && !codec_->values().exact() ? kRounding : feedback::kNone;

  if (index_source_ == IndexSource::leader) {
    const auto leader =
        static_cast<int>(group.key.step % static_cast<std::uint64_t>(channel.size()));
    if (leader == channel.rank()) {
      choose(group);
      write_choice(group);
      report_bad_row(group, group.buffers.send, channel);
    }
    co_await channel.broadcast(leader, group.buffers.all[0]);
    if (leader != channel.rank()) read_choice(group, leader);
  } else {
    choose(group);
  }
  report_bad_row(group, group.buffers.send, channel);
  for (std::size_t i = 0; i < state.rows.size(); ++i)
    std::copy_n(state.rows[i].value.begin(), state.rows[i].count, state.mean(i));
  sum_.scatter(sum, channel);
  co_await channel.all_to_all(sum.buffers.out, sum.buffers.in);
  sum_.reduce(sum, channel);
  co_await channel.all_gather(sum.buffers.all);
  sum_.collect(sum);
  settle(group);
}

// As many entries as the sum has, even where the row is bad: the step's result is void then.
void SharedIndicesExchange::choose(Group& group) const {
  Pace pace(group.exec);
  SharedIndicesState& state = state_of(group);
  for (std::size_t i = 0; i < state.rows.size(); ++i) {
    Entries& entries = state.rows[i];
    select_row(*codec_, group, i, entries, pace);
    const std::uint32_t k = max_entries_of(*codec_, group.buffers.send[i]);
    if (entries.count == k) continue;
    entries.count = k;
    std::iota(entries.index.begin(), entries.index.begin() + k, 0u);
    std::fill_n(entries.value.begin(), k, 0.0f);
  }
}

void SharedIndicesExchange::write_choice(Group& group) const {
  Frame& frame = group.buffers.all[0];
  frame.clear();
  for (std::size_t i = 0; i < group.buffers.send.size(); ++i) {
    const std::uint32_t n = group.buffers.send[i].n;
    const auto indices = state_of(group).rows[i].indices();
    const IndexCode code = smallest_code(n, indices);
    write_indices(frame.space().data(), n, indices, code);
    frame.end_row(code.bytes);
  }
}

void SharedIndicesExchange::read_choice(Group& group, int leader) const {
  Pace pace(group.exec);
  for (std::size_t i = 0; i < group.buffers.send.size(); ++i) {
    const Row& row = group.buffers.send[i];
    Entries& entries = state_of(group).rows[i];
    const ConstBytes payload = group.buffers.all[0].payload(i);
    const std::uint32_t k = max_entries_of(*codec_, row);
    const char* what = IndexReader::find_error(payload, row.n, k);
    if (what != nullptr) damaged(row, i, static_cast<std::size_t>(leader), what);
    const IndexReader reader(payload, row.n);
    if (reader.count() != k || reader.bytes() != payload.size())
      damaged(row, i, static_cast<std::size_t>(leader),
              "it has fewer indices than its density says");
    reader.read(entries.index.data());
    entries.count = k;
    require_residual(row, group.feedback);
    Scratch scratch(group.exec.scratch);
    const auto memory = codec_->carve(scratch, row.n, row.level);
    if (codec_->gather(row, group.feedback, 1, entries, memory, pace)) continue;
    std::fill_n(entries.value.begin(), k, 0.0f);
    terse::report_bad_row(group.exec, i);
  }
}

void SharedIndicesExchange::settle(Group& group) const {
  Pace pace(group.exec);
  SharedIndicesState& state = state_of(group);
  for (std::size_t i = 0; i < state.rows.size(); ++i) {
    const Row& row = group.buffers.send[i];
    Entries& entries = state.rows[i];
    const bool rounded = state.sum.feedback.keeps_residual();
    for (std::uint32_t j = 0; j < entries.count; ++j)
      entries.decoded[j] = rounded ? entries.value[j] - state.lost(i)[j] : entries.value[j];
    Sparsifier::subtract_sent(row, group.feedback, entries);
    // Where the residual is v less what was sent, that is known to the bit.
    const bool plain = group.feedback.ev == 1 && group.feedback.ee == 0 && group.feedback.ed == -1;
    for (std::uint32_t j = 0; rounded && plain && j < entries.count; ++j)
      row.e_out[entries.index[j]] = state.lost(i)[j];
    write_mean(row, entries.indices(), {state.mean(i), entries.count}, 1 / group.feedback.unit,
               pace);
  }
}

std::size_t SharedIndicesExchange::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                              const GroupSpec& spec, int rank, int world) const {
  const GroupContext context = sizing_context(layers, plan, spec, rank, world);
  const Vectors vectors(context, *codec_);
  const std::size_t bytes =
      sum_.sent_bytes(vectors.layers, vectors.plan, vectors.spec, rank, world);
  if (index_source_ == IndexSource::shared_seed || world == 1) return bytes;
  const Frame frame = choice_frame(context);
  return bytes + static_cast<std::size_t>(world - 1) *
                     (sizeof(Header) + kRowBytes * frame.rows() + frame.capacity());
}

}  // namespace terse
