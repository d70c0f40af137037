#include "terse/comm/shared_support.h"

#include <algorithm>
#include <numeric>

#include "terse/base/error.h"
#include "terse/comm/sparse_rows.h"
#include "terse/comm/tables.h"

namespace terse {
namespace {

constexpr std::size_t kAlignment = 16;  // elements: 64 bytes
constexpr Feedback kRounding{.ev = 1, .ed = -1};

// What the sum is over: vectors of k values under the names of their layers.
struct Vectors {
  std::vector<Layer> layers;
  Plan plan;
  GroupSpec spec{.family = 1, .pieces = {}};
  std::size_t elements = 0;

  Vectors(const Site& site, const Sparsifier& codec) {
    const Values& values = codec.values();
    plan.families.push_back(site.plan.families.front());
    plan.families.push_back({.name = "values", .codec = values.codec(), .feedback = {}});
    for (const Piece& piece : site.spec.pieces) {
      const std::uint32_t k = codec.most(piece.n, site.plan.cells[piece.layer].level);
      const auto index = static_cast<std::uint32_t>(layers.size());
      layers.push_back(
          {.name = site.layers[piece.layer].name, .grad = nullptr, .size = k, .dimensions = 2});
      spec.pieces.push_back({index, 0, k});
      plan.cells.push_back({.family = 1, .level = values.level()});
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
struct Support final : Annex {
  FloatBuffer values{0}, rest{0};
  Group sum;
  std::vector<Entries> rows;
  std::vector<std::uint32_t> rooms;
  std::vector<std::size_t> places;

  void lend(Bytes memory) override {
    sum.tables.lend(memory);
    Scratch scratch(memory.subspan(sum.tables.workspace));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = take_entries(scratch, rooms[i]);
  }

  float* mean(std::size_t i) const { return values.values().data() + places[i]; }
  const float* lost(std::size_t i) const { return rest.values().data() + places[i]; }
};

Support& support_of(Group& group) { return static_cast<Support&>(*group.tables.annex); }

}  // namespace

SharedSupport::SharedSupport(const std::shared_ptr<const Codec>& codec, Chooser chooser)
    : codec_(as_sparsifier(codec, "SharedSupport")),
      sum_(codec_->values().codec()),
      chooser_(chooser) {}

int SharedSupport::rounds(int world, std::uint64_t) const {
  if (world == 1) return 0;
  return chooser_ == Chooser::leader ? 3 : 2;
}

Frame SharedSupport::choice_frame(const Site& site) const {
  const RowBuilder builder(site, *codec_);
  Body body = builder.body(site.spec.pieces);
  body.capacity = 0;
  for (const Piece& piece : site.spec.pieces) {
    const std::uint32_t k = codec_->most(piece.n, site.plan.cells[piece.layer].level);
    body.capacity += index_capacity(piece.n, k);
  }
  return Frame(std::move(body.tags), body.capacity);
}

Tables SharedSupport::build(const Site& site) const {
  auto support = std::make_unique<Support>();
  Vectors vectors(site, *codec_);
  support->values = FloatBuffer(vectors.elements);
  support->rest = FloatBuffer(vectors.elements);
  vectors.place(support->values.values().data());
  Tables& inner = support->sum.tables;
  inner = sum_.build(
      {vectors.layers, vectors.plan, vectors.spec, site.rank, site.world, nullptr, nullptr});
  const float* const begin = support->values.values().data();
  for (std::vector<Row>* table : {&inner.send, &inner.own, &inner.again}) {
    for (Row& row : *table) row.e_out = support->rest.values().data() + (row.grad - begin);
  }

  Tables tables;
  RowBuilder(site, *codec_).add(tables.send, site.spec.pieces, 0);
  if (chooser_ == Chooser::leader) tables.all.push_back(choice_frame(site));
  tables.workspace = body_bytes(tables.all) + inner.workspace;
  std::size_t place = 0;
  for (const Row& row : tables.send) {
    support->rows.emplace_back();
    support->rooms.push_back(codec_->room(row.n, row.level));
    support->places.push_back(place);
    place += round_up(most_of(*codec_, row), kAlignment);
    tables.workspace += bytes_of_entries(support->rooms.back());
  }
  tables.annex = std::move(support);
  return tables;
}

Task SharedSupport::run(Group& group, Channel& channel) const {
  Support& support = support_of(group);
  Group& sum = support.sum;
  sum.key = group.key;
  sum.exec = group.exec;
  sum.bad_row = -1;
  sum.exec.bad_row = &sum.bad_row;
  sum.feedback =
      group.feedback.keeps_residual() && !codec_->values().exact() ? kRounding : feedback::kNone;

  if (chooser_ == Chooser::leader) {
    const auto leader =
        static_cast<int>(group.key.step % static_cast<std::uint64_t>(channel.size()));
    if (leader == channel.rank()) {
      choose(group);
      write_choice(group);
      report_bad_row(group, group.tables.send, channel);
    }
    co_await channel.broadcast(leader, group.tables.all[0]);
    if (leader != channel.rank()) read_choice(group, leader);
  } else {
    choose(group);
  }
  report_bad_row(group, group.tables.send, channel);
  for (std::size_t i = 0; i < support.rows.size(); ++i)
    std::copy_n(support.rows[i].value.begin(), support.rows[i].count, support.mean(i));
  sum_.scatter(sum, channel);
  co_await channel.all_to_all(sum.tables.out, sum.tables.in);
  sum_.reduce(sum, channel);
  co_await channel.all_gather(sum.tables.all);
  sum_.collect(sum);
  settle(group);
}

// As many entries as the sum has, even where the row is bad: the step's result is void then.
void SharedSupport::choose(Group& group) const {
  Pace pace(group.exec);
  Support& support = support_of(group);
  for (std::size_t i = 0; i < support.rows.size(); ++i) {
    Entries& entries = support.rows[i];
    select_row(*codec_, group, i, entries, pace);
    const std::uint32_t k = most_of(*codec_, group.tables.send[i]);
    if (entries.count == k) continue;
    entries.count = k;
    std::iota(entries.index.begin(), entries.index.begin() + k, 0u);
    std::fill_n(entries.value.begin(), k, 0.0f);
  }
}

void SharedSupport::write_choice(Group& group) const {
  Frame& frame = group.tables.all[0];
  frame.clear();
  for (std::size_t i = 0; i < group.tables.send.size(); ++i) {
    const std::uint32_t n = group.tables.send[i].n;
    const auto indices = support_of(group).rows[i].indices();
    const IndexCode code = smallest_code(n, indices);
    write_indices(frame.space().data(), n, indices, code);
    frame.end_row(code.bytes);
  }
}

void SharedSupport::read_choice(Group& group, int leader) const {
  Pace pace(group.exec);
  for (std::size_t i = 0; i < group.tables.send.size(); ++i) {
    const Row& row = group.tables.send[i];
    Entries& entries = support_of(group).rows[i];
    const ConstBytes payload = group.tables.all[0].payload(i);
    const std::uint32_t k = most_of(*codec_, row);
    const char* what = IndexReader::contradiction(payload, row.n, k);
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

void SharedSupport::settle(Group& group) const {
  Pace pace(group.exec);
  Support& support = support_of(group);
  for (std::size_t i = 0; i < support.rows.size(); ++i) {
    const Row& row = group.tables.send[i];
    Entries& entries = support.rows[i];
    const bool rounded = support.sum.feedback.keeps_residual();
    for (std::uint32_t j = 0; j < entries.count; ++j)
      entries.decoded[j] = rounded ? entries.value[j] - support.lost(i)[j] : entries.value[j];
    Sparsifier::sent(row, group.feedback, entries);
    // Where the residual is v less what was sent, that is known to the bit.
    const bool plain = group.feedback.ev == 1 && group.feedback.ee == 0 && group.feedback.ed == -1;
    for (std::uint32_t j = 0; rounded && plain && j < entries.count; ++j)
      row.e_out[entries.index[j]] = support.lost(i)[j];
    write_mean(row, entries.indices(), {support.mean(i), entries.count}, 1 / group.feedback.unit,
               pace);
  }
}

std::size_t SharedSupport::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                      const GroupSpec& spec, int rank, int world) const {
  const Site site = sizes_only(layers, plan, spec, rank, world);
  const Vectors vectors(site, *codec_);
  const std::size_t bytes =
      sum_.sent_bytes(vectors.layers, vectors.plan, vectors.spec, rank, world);
  if (chooser_ == Chooser::everybody || world == 1) return bytes;
  const Frame frame = choice_frame(site);
  return bytes + static_cast<std::size_t>(world - 1) *
                     (sizeof(Header) + kRowBytes * frame.rows() + frame.capacity());
}

}  // namespace terse
