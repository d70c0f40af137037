#include "terse/comm/exchange/shared_scale_exchange.h"

#include <algorithm>
#include <cmath>

#include "terse/base/error.h"
#include "terse/comm/exchange/group_layout.h"
#include "terse/compressors/pass.h"

namespace terse {
namespace {

class SharedScaleState final : public ExchangeState {
 public:
  SharedScaleState(std::shared_ptr<const Codec> codec, const GroupContext& context);

  std::size_t workspace_bytes() const override {
    return body_bytes({&out_, &in_, &all_, &scale_messages_});
  }
  void bind_workspace(Bytes memory) override {
    bind_frames({&out_, &in_, &all_, &scale_messages_}, memory);
  }
  std::size_t sent_bytes() const override {
    return all_gather_bytes(scale_messages_, rank_) + all_to_all_bytes(out_, rank_) +
           all_gather_bytes(all_, rank_);
  }
  void swap_pairs() override {
    for (std::vector<Row>* rows : {&whole_, &send_, &own_, &reencode_, &receive_})
      swap_row_pairs(*rows);
  }

  Task run(Group& group, Channel& channel) override;

 private:
  const float* scale_of(const Row& row) const;
  void write_scales(int rank);
  void take_largest_scales();

  std::shared_ptr<const Codec> codec_;
  int rank_;
  std::vector<Row> whole_;     // the group's rows uncut,
  std::vector<float> scales_;  // and the scale of each
  std::vector<Row> send_, own_, reencode_, receive_;
  Mailbox scale_messages_, out_, in_, all_;
};

SharedScaleState::SharedScaleState(std::shared_ptr<const Codec> codec, const GroupContext& context)
    : codec_(std::move(codec)), rank_(context.rank) {
  const std::vector<Piece>& pieces = context.spec.pieces;
  const RowBuilder builder(context, *codec_),
      sums = builder.at_level(static_cast<float>(context.world));
  const std::uint32_t block = codec_->traits().block;
  const std::vector<Piece> mine = shard_of(context.spec, block, context.rank, context.world);
  builder.add(whole_, pieces, context.rank);
  scales_.resize(whole_.size());
  for (int peer = 0; peer < context.world; ++peer) {
    const std::vector<Piece> shard = shard_of(context.spec, block, peer, context.world);
    scale_messages_.push_back(builder.frame(pieces, sizeof(float) * pieces.size()));
    out_.push_back(builder.frame(shard));
    in_.push_back(builder.frame(mine));
    all_.push_back(sums.frame(shard));
    builder.add(send_, shard, peer);
    sums.add(receive_, shard, peer);
  }
  builder.add(own_, mine, kEvery);
  sums.add(reencode_, mine, context.rank);
  for (std::vector<Row>* rows : {&send_, &own_, &reencode_}) {
    for (Row& row : *rows) row.shared = scale_of(row);
  }
  for (Row& row : reencode_) row.scale = nullptr;  // reads the sums, which stand in `out`
}

// The scale of the uncut row that a row of a shard was cut from.
const float* SharedScaleState::scale_of(const Row& row) const {
  for (std::size_t i = 0; i < whole_.size(); ++i) {
    const Row& whole = whole_[i];
    if (whole.layer == row.layer && row.first - whole.first < whole.n) return &scales_[i];
  }
  fail("a row of a shard is part of no row of its group.");
}

void SharedScaleState::write_scales(int rank) {
  Frame& frame = scale_messages_[static_cast<std::size_t>(rank)];
  for (const float scale : scales_) {
    store(frame.space().data(), scale);
    frame.end_row(sizeof(scale));
  }
}

// The largest of all ranks' scales, row by row.
void SharedScaleState::take_largest_scales() {
  for (std::size_t i = 0; i < scales_.size(); ++i) {
    scales_[i] = 0;
    for (std::size_t rank = 0; rank < scale_messages_.size(); ++rank) {
      const ConstBytes payload = scale_messages_[rank].payload(i);
      const float scale = payload.size() == sizeof(float) ? load<float>(payload.data()) : -1.0f;
      if (!(scale >= 0 && std::isfinite(scale)))
        throw_damaged(whole_[i], i, rank, "its scale is negative or not finite");
      scales_[i] = std::max(scales_[i], scale);
    }
  }
}

Task SharedScaleState::run(Group& group, Channel& channel) {
  const auto self = static_cast<std::size_t>(channel.rank());
  for (Mailbox* box : {&scale_messages_, &out_, &all_}) clear_frames(*box);
  codec_->measure(whole_, group.feedback, scales_, group.exec);
  report_bad_row(group, whole_, channel);
  write_scales(channel.rank());
  co_await channel.all_gather(scale_messages_);
  take_largest_scales();
  codec_->encode(send_, group.feedback, group.key, out_, group.exec);
  report_bad_row(group, send_, channel);
  co_await channel.all_to_all(out_, in_);
  std::swap(out_[self], in_[self]);
  codec_->decode(own_, in_, 1, feedback::kNone, group.exec);
  codec_->encode(reencode_, feedback::kNone, group.key.next_phase(), all_, group.exec);
  report_bad_row(group, reencode_, channel);
  co_await channel.all_gather(all_);
  codec_->decode(receive_, all_, feedback::weight(group.feedback, channel.size()), feedback::kNone,
                 group.exec);
}

}  // namespace

std::unique_ptr<ExchangeState> SharedScaleExchange::build(const GroupContext& context) const {
  return std::make_unique<SharedScaleState>(codec_, context);
}

}  // namespace terse
