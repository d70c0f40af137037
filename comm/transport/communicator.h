// Communicator: moves bytes between ranks. One per rank; every call but abort() and traffic() is
// made on the rank's communication thread. All transports (threads of one process, MPI) share this
// class: it cuts messages into segments, emulates the link, counts bytes and detects silent peers;
// a transport only carries single segments.
//
// Rounds are matched by order: every rank posts the same rounds in the same order, so that the k-th
// message from a to b meets the k-th receive that b posted for a. Both sides know the capacity of a
// message; only its true length is sent.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "terse/base/bytes.h"
#include "terse/comm/transport/abort_reason.h"
#include "terse/comm/transport/link_clock.h"
#include "terse/comm/transport/ring_buffer.h"

namespace terse {

struct CommunicatorOptions {
  Link link;
  // A peer that stays silent for this long is declared dead.
  std::chrono::milliseconds timeout{60'000};
  std::chrono::milliseconds heartbeat{200};
  // At most; the same on all ranks. Below OpenMPI's eager limit; tests make it small.
  std::size_t segment_bytes = 60 * 1024;
  // Set when a launcher ends the job (SIGTERM), as it does when a rank has died: a peer that has
  // been silent for three heartbeats is lost from then on. Open MPI 4 sends it after 1 s, Open MPI
  // 5 after 250 ms on mpirun's own host, where the processes are watched, and after 750 ms on
  // others. Null: never.
  const std::atomic<bool>* ending = nullptr;
};

// The shortest timeout at which a rank on this link is not declared dead while its heartbeats queue
// behind bulk data.
std::chrono::milliseconds min_timeout(const Link& link, int size);

// What this rank sent and received. Heartbeats are counted apart and not throttled.
struct Traffic {
  std::uint64_t bytes_sent = 0, bytes_received = 0;
  std::uint64_t messages_sent = 0;
  std::uint64_t heartbeat_bytes_sent = 0;
};

// A message: a head whose size both sides know, and a body of at most `capacity` bytes anywhere in
// memory.
struct Outgoing {
  int peer;
  ConstBytes head;
  ConstBytes body;  // the true body: body.size() <= capacity
  std::size_t capacity;
};
struct Incoming {
  int peer;
  Bytes head;
  Bytes body;  // body.size() is the capacity
};

struct Ticket {
  std::uint32_t index = 0;  // which of the communicator's round slots
  std::uint64_t generation = 0;
};

class Communicator {
 public:
  // Elements of `send` and `receive` name other ranks only. The buffers stay untouched by the
  // caller until done(). Never blocks or drives; throws PeerLost once the world has ended.
  // Allocates nothing once rounds of this size have been seen.
  Ticket post(std::span<const Outgoing> send, std::span<const Incoming> receive);

  // Whether all messages of the round are sent and received. Does not drive.
  bool done(Ticket ticket) const;
  // True length of the i-th received body, from done() until release().
  std::size_t received(Ticket ticket, std::size_t i) const;
  // Ends the round: its slot may be used again.
  void release(Ticket ticket);

  // One pass over all open rounds: moves segments, sends heartbeats that are due, looks for dead
  // peers and aborts. Returns whether anything moved. Throws PeerLost.
  bool drive();
  // drive() until done(ticket), with a pause() after each that moved nothing.
  void wait(Ticket ticket);
  // Waits between two drives that moved nothing; `idle` counts them since something last moved.
  // Yields at first, then sleeps, longer after a while.
  static void rest(int& idle);
  // The same on this rank's link: an emulated one is polled no more often than it carries a
  // segment.
  void pause(int& idle) const;

  int rank() const { return rank_; }
  int size() const { return size_; }
  const CommunicatorOptions& options() const { return options_; }
  Traffic traffic() const;  // any thread

  // The peer that has been silent longest; none in a world of one.
  struct Silence {
    int peer;
    std::chrono::nanoseconds time;
  };
  std::optional<Silence> longest_silence() const;

  // Any thread. Every wait here, and at the peers once they are told, ends with
  // PeerLost{this rank, why}.
  void abort(std::string_view why) noexcept;

  // After a failure, before the memory of open rounds is freed: nothing reads or writes it
  // afterwards, and the communicator is unusable. Waits at most while a peer copies one segment.
  virtual void release_buffers() noexcept = 0;

  virtual ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

 protected:
  // How much a transport accepts per peer before the first of it has arrived.
  struct Window {
    std::size_t segments, bytes;
  };
  // Throws JobError if the options are invalid.
  Communicator(int rank, int size, const CommunicatorOptions& options, Window window);

  // What a transport implements. All but on_local_abort() run on the communication thread; segments
  // keep their order per pair of ranks.

  // Starts sending a segment; its bytes stay valid until completed_sends() has counted it.
  virtual void send(int peer, ConstBytes segment) = 0;
  // How many sends have completed since the last call.
  virtual std::size_t completed_sends(int peer) = 0;
  // Where the next segment from `peer` goes.
  virtual void post_receive(int peer, Bytes segment) = 0;
  // The length of the oldest expected segment, once it has arrived.
  virtual std::optional<std::size_t> poll_receive(int peer) = 0;
  // Sends a heartbeat ahead of everything queued; returns its bytes.
  virtual std::size_t send_heartbeat(int peer) = 0;
  // Calls mark_alive(), mark_left(), mark_dead() and on_abort() for what has arrived.
  virtual void poll_control() = 0;
  // Tells all peers why the world ended, best effort.
  virtual void send_abort(int origin, std::string_view sentence) noexcept = 0;
  // abort() was called, on any thread.
  virtual void on_local_abort() noexcept = 0;

  void mark_alive(int peer) { peer_of(peer).heard = watched_; }
  void mark_left(int peer) { peer_of(peer).left = true; }
  // Ends the world with PeerLost for `peer`, whose process has ended. The next drive() tells the
  // others.
  void mark_dead(int peer, std::string_view sentence) noexcept;
  void on_abort(int origin, std::string_view sentence) noexcept;
  void announce_abort() noexcept;  // send_abort(), once; on the communication thread
  bool has_left(int peer) const { return peers_[static_cast<std::size_t>(peer)].left; }
  const AbortReason& abort_reason() const { return abort_reason_; }
  // Whether nothing is under way and nothing has failed, so that the world can be left in order.
  bool can_leave() const;
  [[noreturn]] void throw_size_mismatch(
      int peer) const;  // for a segment that does not fit what this rank expects

 private:
  using Time = Clock::time_point;
  struct Message {
    std::uint32_t slot, index;
    Time posted;
  };
  struct Segment {
    ConstBytes bytes;
    std::uint32_t slot;
    bool last;  // of its message
    Time due;   // at the other end of the emulated link
  };
  struct Arrival {
    int peer;
    std::size_t length;
    Time due;
  };
  struct Slot {
    std::uint64_t generation = 0;
    std::size_t open = 0;  // messages
    std::vector<Outgoing> send;
    std::vector<Incoming> receive;
    std::vector<std::size_t> lengths;
  };
  struct Peer {
    RingBuffer<Message> queue;  // to send; `started` segments of the first are on their way
    std::size_t started = 0;
    RingBuffer<Segment> on_link;    // on the emulated link
    RingBuffer<Segment> in_flight;  // given to the transport
    std::size_t in_flight_bytes = 0;
    RingBuffer<Message> expected;  // to receive; `arrived` segments of the first are there
    std::size_t arrived = 0;
    std::chrono::nanoseconds heard{0};  // on the clock of watched_
    bool left = false;
    bool is_idle() const {
      return queue.empty() && on_link.empty() && in_flight.empty() && expected.empty();
    }
  };
  enum class Step { moved, nothing, link_is_busy };

  // The only writer is the communication thread, so no locked instruction is needed.
  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t n) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  Peer& peer_of(int rank) { return peers_[static_cast<std::size_t>(rank)]; }
  std::uint32_t take_slot(std::span<const Outgoing> send, std::span<const Incoming> receive);
  void check(std::span<const Outgoing> send, std::span<const Incoming> receive) const;
  bool progress(Time now);
  bool poll_arrivals(Time now);
  void accept_segment(int from, std::size_t length);
  bool retire_sends(Peer& peer, int rank);
  bool fits(const Peer& peer, std::size_t bytes) const;
  void send_segment(Peer& peer, int rank, const Segment& segment);
  bool deliver_from_link(Peer& peer, int rank, Time now);
  Step start_segment(Peer& peer, int rank, Time now);
  bool progress_sends(Time now);
  void send_heartbeats(Time now);
  void find_silent();
  bool is_ending() const;
  [[noreturn]] void throw_peer_lost();
  int next_peer(int peer) const;

  int rank_, size_;
  CommunicatorOptions options_;
  Window window_;
  LinkClock clock_;
  std::vector<Peer> peers_;  // by rank; this rank's own is not used
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::size_t most_send_ = 0, most_receive_ = 0;
  RingBuffer<Arrival> arrivals_;  // received, but not yet through this rank's emulated link
  int turn_;                      // whose segment goes next
  Time last_drive_, next_beat_;
  std::chrono::nanoseconds watched_{0};  // time in which this rank looked at its peers
  AbortReason abort_reason_;
  bool announced_ = false, failed_ = false;

  struct Counters {
    std::atomic<std::uint64_t> bytes_sent{0}, bytes_received{0}, messages_sent{0},
        heartbeat_bytes_sent{0};
  } counters_;
};

// Blocking collectives for control traffic between steps (job hashes, plans, evaluation sums):
// every rank calls them in the same order. They cost a latency or two and allocate.
std::vector<std::vector<std::byte>> all_gather(Communicator& communicator, ConstBytes mine);
std::vector<std::string> all_gather(Communicator& communicator, std::string_view mine);
void broadcast(Communicator& communicator, int root, Bytes data);  // same size on all ranks

}  // namespace terse
