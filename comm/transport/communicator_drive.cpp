// What drive() does: takes in what has arrived, sends what may leave, and watches the peers.
#include <fmt/ranges.h>

#include <algorithm>

#include "terse/base/error.h"
#include "terse/comm/transport/communicator.h"
#include "terse/comm/transport/segmentation.h"

namespace terse {
namespace {

// A rank that was not driven for longer than this gets no credit for what its link could have
// carried in that time.
constexpr std::chrono::milliseconds kLinkCredit{50};

}  // namespace

bool Communicator::drive() {
  if (abort_reason_.is_set()) throw_peer_lost();
  try {
    return progress(Clock::now());
  } catch (...) {
    failed_ = true;
    throw;
  }
}

bool Communicator::progress(Time now) {
  // Time in which this rank did not drive is not its peers' silence: of a gap, at most two
  // heartbeats count.
  watched_ += std::min<std::chrono::nanoseconds>(now - last_drive_, 2 * options_.heartbeat);
  poll_control();
  if (abort_reason_.is_set()) throw_peer_lost();
  bool moved = poll_arrivals(now);
  moved |= progress_sends(now);
  const bool beat = now >= next_beat_;
  if (beat) send_heartbeats(now);
  if (beat || is_ending()) find_silent();
  last_drive_ = now;
  return moved;
}

bool Communicator::poll_arrivals(Time now) {
  bool moved = false;
  for (int peer = next_peer(rank_), i = 1; i < size_; ++i, peer = next_peer(peer)) {
    moved |= retire_sends(peer_of(peer), peer);
    while (!peer_of(peer).expected.empty()) {
      const std::optional<std::size_t> length = poll_receive(peer);
      if (!length) break;
      moved = true;
      mark_alive(peer);
      if (options_.link.bytes_per_second > 0) {
        arrivals_.push(
            {peer, *length, clock_.receive(*length, std::max(last_drive_, now - kLinkCredit))});
      } else {
        accept_segment(peer, *length);
      }
    }
  }
  while (!arrivals_.empty() && arrivals_.front().due <= now) {
    const Arrival arrival = arrivals_.front();
    arrivals_.pop();
    accept_segment(arrival.peer, arrival.length);
    moved = true;
  }
  return moved;
}

void Communicator::accept_segment(int from, std::size_t length) {
  Peer& peer = peer_of(from);
  const Message message = peer.expected.front();
  Slot& slot = slots_[message.slot];
  const Incoming& part = slot.receive[message.index];
  const Segmentation cut{part.head.size(), part.body.size(), options_.segment_bytes};
  const std::size_t k = peer.arrived++;
  std::size_t& received = slot.lengths[message.index];
  if (cut.in_head(k)) {
    if (length != cut.part(part.head, part.body, k).size()) throw_size_mismatch(from);
  } else {
    // After a short segment only empty ones can follow.
    if (length > 0 && received != (k - cut.heads()) * cut.segment) throw_size_mismatch(from);
    received += length;
  }
  add(counters_.bytes_received, length);
  if (peer.arrived < cut.total()) return;
  peer.arrived = 0;
  peer.expected.pop();
  --slot.open;
}

void Communicator::throw_size_mismatch(int peer) const {
  fail<DamagedMessage>(
      "rank {} received a message from rank {} that does not fit the one it expects: the two ranks "
      "are out of step, or run "
      "different programs or jobs",
      rank_, peer);
}

bool Communicator::retire_sends(Peer& peer, int rank) {
  if (peer.in_flight.empty()) return false;
  const std::size_t count = completed_sends(rank);
  for (std::size_t i = 0; i < count; ++i) {
    const Segment& segment = peer.in_flight.front();
    peer.in_flight_bytes -= segment.bytes.size();
    if (segment.last) --slots_[segment.slot].open;
    peer.in_flight.pop();
  }
  return count > 0;
}

bool Communicator::fits(const Peer& peer, std::size_t bytes) const {
  return peer.in_flight.empty() || (peer.in_flight.size() < window_.segments &&
                                    peer.in_flight_bytes + bytes <= window_.bytes);
}

void Communicator::send_segment(Peer& peer, int rank, const Segment& segment) {
  peer.in_flight.push(segment);
  peer.in_flight_bytes += segment.bytes.size();
  add(counters_.bytes_sent, segment.bytes.size());
  send(rank, segment.bytes);
}

bool Communicator::deliver_from_link(Peer& peer, int rank, Time now) {
  bool moved = retire_sends(peer, rank);
  while (!peer.on_link.empty() && peer.on_link.front().due <= now &&
         fits(peer, peer.on_link.front().bytes.size())) {
    send_segment(peer, rank, peer.on_link.front());
    peer.on_link.pop();
    moved = true;
  }
  return moved;
}

Communicator::Step Communicator::start_segment(Peer& peer, int rank, Time now) {
  if (peer.queue.empty()) return Step::nothing;
  const Message message = peer.queue.front();
  const Outgoing& part = slots_[message.slot].send[message.index];
  const Segmentation cut{part.head.size(), part.capacity, options_.segment_bytes};
  Segment segment{cut.part(part.head, part.body, peer.started),
                  message.slot,
                  peer.started + 1 == cut.total(),
                  {}};
  if (!fits(peer, segment.bytes.size())) return Step::nothing;
  if (clock_.limited()) {
    // A segment queued at the last drive could have left at any time since.
    const auto due = clock_.send(segment.bytes.size(),
                                 std::max({message.posted, last_drive_, now - kLinkCredit}), now);
    if (!due) return Step::link_is_busy;
    segment.due = *due;
    peer.on_link.push(segment);
  } else {
    send_segment(peer, rank, segment);
  }
  if (segment.last) peer.queue.pop();
  peer.started = segment.last ? 0 : peer.started + 1;
  return Step::moved;
}

bool Communicator::progress_sends(Time now) {
  bool moved = false;
  for (int quiet = 0; quiet < size_ - 1;) {
    Peer& peer = peer_of(turn_);
    bool step = deliver_from_link(peer, turn_, now);
    const Step launched = start_segment(peer, turn_, now);
    // The bucket fills for the peer whose turn it is; no other peer's smaller segment goes first.
    if (launched == Step::link_is_busy) break;
    step |= launched == Step::moved;
    moved |= step;
    quiet = step ? 0 : quiet + 1;
    turn_ = next_peer(turn_);
  }
  for (int peer = next_peer(rank_), i = 1; i < size_; ++i, peer = next_peer(peer))
    moved |= deliver_from_link(peer_of(peer), peer, now);
  return moved;
}

void Communicator::send_heartbeats(Time now) {
  next_beat_ = now + options_.heartbeat;
  for (int rank = next_peer(rank_), i = 1; i < size_; ++i, rank = next_peer(rank)) {
    if (!peer_of(rank).left) add(counters_.heartbeat_bytes_sent, send_heartbeat(rank));
  }
}

bool Communicator::is_ending() const { return options_.ending != nullptr && *options_.ending; }

void Communicator::find_silent() {
  const bool ending = is_ending();
  const std::chrono::nanoseconds limit =
      ending ? std::min<std::chrono::nanoseconds>(3 * options_.heartbeat, options_.timeout)
             : options_.timeout;
  std::vector<int> silent;
  for (int rank = next_peer(rank_), i = 1; i < size_; ++i, rank = next_peer(rank)) {
    const Peer& peer = peer_of(rank);
    // A peer that left in order owes nothing, unless a message from it is still expected.
    if (peer.left && peer.is_idle()) mark_alive(rank);
    if (watched_ - peer.heard > limit) silent.push_back(rank);
  }
  if (silent.empty()) return;
  std::sort(silent.begin(), silent.end());
  const double seconds = std::chrono::duration<double>(limit).count();
  const bool one = silent.size() == 1;
  abort_reason_.set(
      silent.front(),
      fmt::format("{} {} {} been silent for {:g} s ({}): {}. The "
                  "run can go on from its last checkpoint",
                  one ? "rank" : "ranks", fmt::join(silent, " and "), one ? "has" : "have", seconds,
                  ending ? "and the launcher ends the job" : "world.timeout",
                  one ? "it died, was stopped, or its network is gone"
                      : "they died, were stopped, or their network is gone"));
  throw_peer_lost();
}

}  // namespace terse
