#include "terse/comm/exchange.h"

#include <algorithm>

#include "terse/base/error.h"

namespace terse {
namespace {

constexpr std::size_t kBodyAlignment = 64;

// The part of each piece that rank `owner` sums: the group's blocks, in order, in `world` equal
// runs.
std::vector<Piece> shard_of(const GroupSpec& spec, std::uint32_t block, int owner, int world) {
  const auto blocks_in = [&](const Piece& piece) {
    return (std::uint64_t{piece.n} + block - 1) / block;
  };
  std::uint64_t total = 0;
  for (const Piece& piece : spec.pieces) total += blocks_in(piece);
  const auto edge = [&](int i) {
    return total * static_cast<std::uint64_t>(i) / static_cast<std::uint64_t>(world);
  };
  const std::uint64_t begin = edge(owner), end = edge(owner + 1);

  std::vector<Piece> shard;
  std::uint64_t at = 0;
  for (const Piece& piece : spec.pieces) {
    const std::uint64_t blocks = blocks_in(piece);
    const std::uint64_t from = std::max(begin, at), to = std::min(end, at + blocks);
    if (from < to) {
      const auto first = static_cast<std::uint32_t>((from - at) * block);
      const auto last =
          static_cast<std::uint32_t>(std::min<std::uint64_t>((to - at) * block, piece.n));
      shard.push_back({piece.layer, piece.first + first, last - first});
    }
    at += blocks;
  }
  return shard;
}

struct Body {
  std::vector<std::uint32_t> tags;
  std::size_t capacity = 0;
};

// Rows of a run of pieces, with the memory that the family's feedback asks for.
class RowBuilder {
 public:
  RowBuilder(const Site& site, const Codec& codec)
      : site_(site), codec_(codec), family_(site.plan.families[site.spec.family]) {}

  Row row(const Piece& piece, int frame, std::uint32_t slot) const {
    const Layer& layer = site_.layers[piece.layer];
    Row row;
    row.layer = layer.key();
    row.first = piece.first;
    row.n = piece.n;
    row.level = site_.plan.cells[piece.layer].level;
    row.frame = static_cast<std::int16_t>(frame);
    row.slot = slot;
    if (layer.grad != nullptr) row.grad = row.out = layer.grad + piece.first;
    if (site_.scales != nullptr && (family_.clips || site_.plan.clip_global))
      row.scale = site_.scales + piece.layer;
    if (site_.state == nullptr) return row;
    if (family_.feedback.keeps_residual()) {
      Slot& slot_of = site_.state->slot(layer, "residual");
      row.e_in = slot_of.now() + piece.first;
      row.e_out = slot_of.next() + piece.first;
    }
    if (family_.feedback.keeps_velocity()) {
      Slot& slot_of = site_.state->slot(layer, "velocity");
      row.u_in = slot_of.now() + piece.first;
      row.u_out = slot_of.next() + piece.first;
    }
    return row;
  }

  void add(std::vector<Row>& table, std::span<const Piece> pieces, int frame) const {
    std::uint32_t slot = 0;
    for (const Piece& piece : pieces) table.push_back(row(piece, frame, slot++));
  }

  Body body(std::span<const Piece> pieces) const {
    Body body;
    for (const Piece& piece : pieces) {
      const Row one = row(piece, kEvery, 0);
      body.tags.push_back(row_tag(one));
      body.capacity += codec_.capacity(one.n, one.level);
    }
    return body;
  }

  Frame frame(std::span<const Piece> pieces) const {
    Body b = body(pieces);
    return Frame(std::move(b.tags), b.capacity);
  }

 private:
  const Site& site_;
  const Codec& codec_;
  const Family& family_;
};

std::size_t body_bytes(const Mailbox& box) {
  std::size_t bytes = 0;
  for (const Frame& frame : box) bytes += round_up(frame.capacity(), kBodyAlignment);
  return bytes;
}

Bytes lend_box(Mailbox& box, Bytes memory) {
  for (Frame& frame : box) {
    if (!frame.present()) continue;
    frame.bind(memory);
    memory = memory.subspan(round_up(frame.capacity(), kBodyAlignment));
  }
  return memory;
}

void clear_box(Mailbox& box) {
  for (Frame& frame : box) frame.clear();
}

std::size_t message_bytes(const Body& body) {
  return sizeof(Header) + kRowBytes * body.tags.size() + body.capacity;
}

// After an encode: a row that could not be sent becomes a flag, which the next header carries to
// everybody.
void report_bad_row(Group& group, std::span<const Row> rows, Channel& channel) {
  if (group.bad_row < 0) return;
  StepFlags& flags = channel.flags();
  if (flags.layer == 0) flags.layer = rows[static_cast<std::size_t>(group.bad_row)].layer;
  flags.raise(kNonFinite, static_cast<std::uint16_t>(channel.rank()));
  group.bad_row = -1;
}

Site sizes_only(std::span<const Layer> layers, const Plan& plan, const GroupSpec& spec, int rank,
                int world) {
  return {layers, plan, spec, rank, world, nullptr, nullptr};
}

}  // namespace

void Tables::lend(Bytes memory) {
  memory = lend_box(out, memory);
  memory = lend_box(in, memory);
  lend_box(all, memory);
}

Tables Sharded::build(const Site& site) const {
  const RowBuilder builder(site, *codec_);
  const std::uint32_t block = codec_->traits().block;
  if (block == 0) fail<JobError>("codec {} cannot be cut into shards.", codec_->name());
  Tables tables;
  for (int peer = 0; peer < site.world; ++peer) {
    const std::vector<Piece> shard = shard_of(site.spec, block, peer, site.world);
    const std::vector<Piece> mine = shard_of(site.spec, block, site.rank, site.world);
    if (peer == site.rank) {
      tables.out.emplace_back();
      tables.in.emplace_back();
      builder.add(tables.own, mine, kEvery);
      builder.add(tables.again, mine, peer);
    } else {
      tables.out.push_back(builder.frame(shard));
      tables.in.push_back(builder.frame(mine));
      builder.add(tables.send, shard, peer);
    }
    tables.all.push_back(builder.frame(shard));
    builder.add(tables.receive, shard, peer);
  }
  // The second encode reads the mean, which stands in `out` unscaled, and has no velocity.
  for (Row& row : tables.again) {
    row.scale = nullptr;
    row.u_in = row.u_out = nullptr;
  }
  tables.workspace = body_bytes(tables.out) + body_bytes(tables.in) + body_bytes(tables.all);
  return tables;
}

Task Sharded::run(Group& group, Channel& channel) const {
  Tables& t = group.tables;
  const int world = channel.size();
  clear_box(t.out);
  clear_box(t.all);
  codec_->encode(t.send, group.feedback, group.key, t.out, group.exec);
  report_bad_row(group, t.send, channel);
  co_await channel.all_to_all(t.out, t.in);
  codec_->decode(t.own, t.in, 1.0f / static_cast<float>(world), group.feedback, group.exec);
  codec_->encode(t.again, feedback::second(group.feedback, world), group.key.again(), t.all,
                 group.exec);
  report_bad_row(group, t.again, channel);
  co_await channel.all_gather(t.all);
  codec_->decode(t.receive, t.all, 1, feedback::kNone, group.exec);
}

std::size_t Sharded::sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                const GroupSpec& spec, int rank, int world) const {
  const Site site = sizes_only(layers, plan, spec, rank, world);
  const RowBuilder builder(site, *codec_);
  std::size_t bytes = 0;
  for (int peer = 0; peer < world; ++peer) {
    const Body shard = builder.body(shard_of(spec, codec_->traits().block, peer, world));
    bytes += message_bytes(shard) * (peer == rank ? static_cast<std::size_t>(world - 1) : 1);
  }
  return world == 1 ? 0 : bytes;
}

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

std::shared_ptr<const Exchange> make_exchange(std::shared_ptr<const Codec> codec) {
  if (codec->traits().pattern == Pattern::gathered)
    return std::make_shared<Gathered>(std::move(codec));
  return std::make_shared<Sharded>(std::move(codec));
}

}  // namespace terse
