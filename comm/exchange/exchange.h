// Exchange: an algorithm by which ranks agree on a sum; stateless and shared by groups. For each
// group it builds an ExchangeState, a coroutine with its memory that alternates local passes with
// rounds of messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "terse/comm/channel/channel.h"
#include "terse/comm/channel/task.h"
#include "terse/comm/exchange/compressor_state.h"
#include "terse/comm/plan/groups.h"
#include "terse/compressors/codec.h"

namespace terse {

// A group while a step runs. Owned by the reducer.
struct Group {
  std::uint16_t id = 0;
  std::string layers;  // their names, for error messages
  Feedback feedback;
  Key key;
  Exec exec;
  std::int64_t bad_row = -1;  // exec.bad_row points here
};

// What the state of a group is built from. Read by build() only.
struct GroupContext {
  std::span<const Layer> layers;
  const Plan& plan;
  const GroupSpec& spec;
  int rank;
  int world;
  CompressorState* state;  // null: only sizes are wanted, and the state cannot run
  const float* scales;     // one factor a layer, or null
};

// One group of one rank: its rows, frames and memory, made once, so that a steady step allocates
// nothing.
class ExchangeState {
 public:
  virtual ~ExchangeState() = default;

  // What the group needs from its first turn in a step to its last; groups that are not open at the
  // same time share it.
  virtual std::size_t workspace_bytes() const = 0;
  // Lends at least that much, 64-byte aligned, before every run().
  virtual void bind_workspace(Bytes memory) = 0;

  // Arena gradients -> arena means. Throws what codecs and the channel throw.
  virtual Task run(Group& group, Channel& channel) = 0;

  // After a committed step, where steps can be skipped: rows read next what they wrote last, as
  // CompressorState::commit() does for slots.
  virtual void swap_pairs() = 0;

  // Most bytes that this rank sends in a step, framing included.
  virtual std::size_t sent_bytes() const = 0;
};

class Exchange {
 public:
  virtual ~Exchange() = default;
  // Throws JobError where the codec cannot compress one of the layers.
  virtual std::unique_ptr<ExchangeState> build(const GroupContext& context) const = 0;
  // Rounds of messages in a step; pure, the same on every rank.
  virtual int rounds(int world, std::uint64_t step) const = 0;
};

// The exchange that the codec's traits name, or the one that the feedback needs. Throws JobError
// where the two cannot be combined.
std::shared_ptr<const Exchange> make_exchange(std::shared_ptr<const Codec> codec,
                                              const Feedback& feedback = feedback::kNone);

}  // namespace terse
