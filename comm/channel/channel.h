// Channel: the messages of one group in one step. Numbers rounds, seals and checks frames, passes
// flags on. Communication thread only.
#pragma once

#include <coroutine>
#include <cstdint>
#include <string>
#include <vector>

#include "terse/comm/channel/task.h"
#include "terse/comm/transport/communicator.h"
#include "terse/compressors/codec.h"
#include "terse/compressors/wire/frame.h"

namespace terse {

// Flags of this step, raised here or by a peer. Sticky until the next step.
struct StepFlags {
  std::uint8_t bits = 0;
  std::uint16_t origin = 0;  // the lowest rank known to have raised kNonFinite
  std::uint64_t layer = 0;   // key of the layer for which this rank raised it first

  void raise(std::uint8_t flag, std::uint16_t rank);
  void join(const Header& header);
};

class Channel {
 public:
  // `layers` are the names of the group's layers, for error messages.
  Channel(Communicator& communicator, StepFlags& flags, std::string layers);

  // A new step: the next round is number 0.
  void begin(std::uint64_t step, std::uint32_t plan, std::uint16_t group);

  int rank() const { return communicator_.rank(); }
  int size() const { return communicator_.size(); }
  FramePool& frames() { return pool_; }
  StepFlags& flags() { return flags_; }

  class [[nodiscard]] Awaiter {
   public:
    explicit Awaiter(Channel& channel) : channel_(channel) {}
    bool await_ready() const { return !channel_.open_; }
    void await_suspend(std::coroutine_handle<>) const {}
    void await_resume() const { channel_.finish_round(); }

   private:
    Channel& channel_;
  };

  // Sends frame [j] of `out` to rank j and receives frame [i] of `in` from rank i; this rank's own
  // frames are not touched. The round is posted by the call; co_await it at once.
  Awaiter all_to_all(Mailbox& out, Mailbox& in);
  // Sends frame [rank()] of `all` to all others and receives theirs into the rest.
  Awaiter all_gather(Mailbox& all);

  // Sends `out` to rank `to` and receives `in` from rank `from`, each unless null. Ranks with
  // neither call it too: it counts the round.
  Awaiter pair(int to, Frame* out, int from, Frame* in);
  // Sends rank `root`'s frame to all others.
  Awaiter broadcast(int root, Frame& frame);

  // Between turns: the round in flight.
  bool waiting() const { return open_; }
  Ticket ticket() const { return ticket_; }
  int rounds() const { return round_; }

 private:
  Header header_of(std::uint16_t sender) const;
  void send(int peer, Frame& frame);
  void receive(int peer, Frame& frame);
  void begin_round();
  void seal(Frame& frame) const;
  void post();
  void finish_round();  // checks the received frames

  Communicator& communicator_;
  StepFlags& flags_;
  std::string layers_;
  FramePool pool_;
  std::vector<Outgoing> outgoing_;
  std::vector<Incoming> incoming_;
  std::vector<Frame*> expected_;  // in the order of incoming_
  Ticket ticket_;
  bool open_ = false;
  std::uint64_t step_ = 0;
  std::uint32_t plan_ = 0;
  std::uint16_t group_ = 0;
  std::uint16_t round_ = 0;
};

}  // namespace terse
