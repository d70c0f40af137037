// Channel: one group's way to its peers in one step. Numbers its rounds, seals and opens frames,
// relays flags. Used on the communication thread only.
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

// What a rank has seen in this step: raised here or by a peer. Sticky until the next step.
struct StepFlags {
  std::uint8_t bits = 0;
  std::uint16_t origin = 0;  // the lowest rank that is known to have raised a non-finite
  std::uint64_t layer = 0;   // where this rank raised it first

  void raise(std::uint8_t flag, std::uint16_t rank);
  void join(const Header& header);
};

class Channel {
 public:
  // `layers` names what the group carries, for error messages.
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
    void await_resume() const { channel_.take(); }

   private:
    Channel& channel_;
  };

  // Every rank sends frame [j] of `out` to rank j and receives frame [i] of `in` from rank i.
  // Frames of this rank itself are left alone. Posted when called; the caller awaits at once.
  Awaiter all_to_all(Mailbox& out, Mailbox& in);
  // Frame [rank()] of `all` goes to every other rank, whose frames come into theirs.
  Awaiter all_gather(Mailbox& all);

  // Frame `out` goes to rank `to` and `in` comes from rank `from`; null: there is none. Ranks with
  // neither stay in step with those that have.
  Awaiter pair(int to, Frame* out, int from, Frame* in);
  // Rank `root`'s frame goes to every other rank's.
  Awaiter broadcast(int root, Frame& frame);

  // Between turns: the round that the group waits for.
  bool waiting() const { return open_; }
  Ticket ticket() const { return ticket_; }
  int rounds() const { return round_; }

 private:
  Header name(std::uint16_t sender) const;
  void send(int peer, Frame& frame);
  void receive(int peer, Frame& frame);
  void begin_round();
  void seal(Frame& frame) const;
  void post();
  void take();  // checks what came

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
