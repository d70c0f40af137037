// Exchange: a way in which ranks agree on a sum. A coroutine that alternates local passes with
// rounds of messages; stateless and shared by groups. Each exchange builds the tables of its
// groups, so that a step touches ready-made rows only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "terse/comm/channel/channel.h"
#include "terse/comm/channel/task.h"
#include "terse/comm/exchange/compressor_state.h"
#include "terse/comm/plan/groups.h"
#include "terse/compressors/codec.h"

namespace terse {

// What an exchange keeps of a group beside its tables.
class ExchangeState {
 public:
  virtual ~ExchangeState() = default;
  virtual void bind_workspace(
      Bytes memory) = 0;  // a part of the workspace, where the tables asked for one
};

// GroupBuffers and frames of one group on one rank. Which of them are used is the exchange's
// affair.
struct GroupBuffers {
  std::vector<Row> send, own, reencode, receive;
  Mailbox out, in, all;
  std::vector<Row> whole;     // where a scale is shared: the group's rows uncut,
  Mailbox measures;           // what each rank found, one float a row,
  std::vector<float> scales;  // and what they agreed on
  std::unique_ptr<ExchangeState> state;
  std::size_t workspace = 0;  // bytes that lend() hands to the frames and the annex

  // Gives the frames their bodies, and the annex what is left, in `memory`, which holds at least
  // `workspace` bytes.
  void bind_workspace(Bytes memory);
};

// A group while a step runs. Owned by the reducer.
struct Group {
  std::uint16_t id = 0;
  std::vector<Piece> pieces;
  std::string layers;  // their names, for sentences
  Feedback feedback;
  Key key;
  Exec exec;
  std::int64_t bad_row = -1;  // exec.bad_row points here
  GroupBuffers buffers;
};

// What a group's tables are built from.
struct GroupContext {
  std::span<const Layer> layers;
  const Plan& plan;
  const GroupSpec& spec;
  int rank;
  int world;
  CompressorState* state;  // null: only sizes are wanted
  const float* scales;     // one factor a layer, or null
};

class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual GroupBuffers build(const GroupContext& context) const = 0;
  // Rounds of messages in a step; pure, the same on every rank.
  virtual int rounds(int world, std::uint64_t step) const = 0;
  // Arena gradients -> arena means. Throws what codecs and the channel throw.
  virtual Task run(Group& group, Channel& channel) const = 0;
  // Most bytes that rank `rank` sends for this group in a step, framing included; pure.
  virtual std::size_t sent_bytes(std::span<const Layer> layers, const Plan& plan,
                                 const GroupSpec& spec, int rank, int world) const = 0;
};

// The exchange that the codec's traits name, or the one that the feedback needs. Throws JobError
// where the two cannot be joined.
std::shared_ptr<const Exchange> make_exchange(std::shared_ptr<const Codec> codec,
                                              const Feedback& feedback = feedback::kNone);

}  // namespace terse
