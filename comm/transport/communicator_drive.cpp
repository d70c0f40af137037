// What drive() does: takes in what has come, hands over what may leave, and watches the peers.
#include <fmt/ranges.h>

#include <algorithm>

#include "terse/base/error.h"
#include "terse/comm/transport/communicator.h"
#include "terse/comm/transport/segmentation.h"

namespace terse {
namespace {

// A rank that was not driven for longer than this gets no credit for what its link could have
// carried meanwhile.
constexpr std::chrono::milliseconds kLinkCredit{50};

}  // namespace

bool Communicator::drive() {
  if (abort_reason_.said()) end();
  try {
    return pump(Clock::now());
  } catch (...) {
    failed_ = true;
    throw;
  }
}

bool Communicator::pump(Time now) {
  // Time in which this rank did not look is not its peers' silence: of a gap, no more than two
  // heartbeats count.
  watched_ += std::min<std::chrono::nanoseconds>(now - last_drive_, 2 * options_.heartbeat);
  poll_control();
  if (abort_reason_.said()) end();
  bool moved = collect(now);
  moved |= push(now);
  if (now >= next_beat_) keep_alive(now);
  last_drive_ = now;
  return moved;
}

bool Communicator::collect(Time now) {
  bool moved = false;
  for (int peer = after(rank_), i = 1; i < size_; ++i, peer = after(peer)) {
    moved |= settle(peer_of(peer), peer);
    while (!peer_of(peer).expected.empty()) {
      const std::optional<std::size_t> length = poll_receive(peer);
      if (!length) break;
      moved = true;
      mark_alive(peer);
      if (options_.link.bytes_per_second > 0) {
        arrivals_.push(
            {peer, *length, clock_.receive(*length, std::max(last_drive_, now - kLinkCredit))});
      } else {
        accept(peer, *length);
      }
    }
  }
  while (!arrivals_.empty() && arrivals_.front().due <= now) {
    const Arrival arrival = arrivals_.front();
    arrivals_.pop();
    accept(arrival.peer, arrival.length);
    moved = true;
  }
  return moved;
}

void Communicator::accept(int from, std::size_t length) {
  Peer& peer = peer_of(from);
  const Message message = peer.expected.front();
  Slot& slot = slots_[message.slot];
  const Incoming& part = slot.receive[message.index];
  const Segmentation cut{part.head.size(), part.body.size(), options_.segment_bytes};
  const std::size_t k = peer.come++;
  std::size_t& received = slot.lengths[message.index];
  if (cut.in_head(k)) {
    if (length != cut.part(part.head, part.body, k).size()) throw_size_mismatch(from);
  } else {
    // After a short segment only empty ones can follow.
    if (length > 0 && received != (k - cut.heads()) * cut.segment) throw_size_mismatch(from);
    received += length;
  }
  add(counters_.bytes_received, length);
  if (peer.come < cut.total()) return;
  peer.come = 0;
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

bool Communicator::settle(Peer& peer, int rank) {
  if (peer.flight.empty()) return false;
  const std::size_t count = completed_sends(rank);
  for (std::size_t i = 0; i < count; ++i) {
    const Segment& segment = peer.flight.front();
    peer.flight_bytes -= segment.bytes.size();
    if (segment.last) --slots_[segment.slot].open;
    peer.flight.pop();
  }
  return count > 0;
}

bool Communicator::fits(const Peer& peer, std::size_t bytes) const {
  return peer.flight.empty() ||
         (peer.flight.size() < window_.segments && peer.flight_bytes + bytes <= window_.bytes);
}

void Communicator::hand_over(Peer& peer, int rank, const Segment& segment) {
  peer.flight.push(segment);
  peer.flight_bytes += segment.bytes.size();
  add(counters_.bytes_sent, segment.bytes.size());
  send(rank, segment.bytes);
}

bool Communicator::land(Peer& peer, int rank, Time now) {
  bool moved = settle(peer, rank);
  while (!peer.wire.empty() && peer.wire.front().due <= now &&
         fits(peer, peer.wire.front().bytes.size())) {
    hand_over(peer, rank, peer.wire.front());
    peer.wire.pop();
    moved = true;
  }
  return moved;
}

Communicator::Step Communicator::launch(Peer& peer, int rank, Time now) {
  if (peer.queue.empty()) return Step::nothing;
  const Message message = peer.queue.front();
  const Outgoing& part = slots_[message.slot].send[message.index];
  const Segmentation cut{part.head.size(), part.capacity, options_.segment_bytes};
  Segment segment{
      cut.part(part.head, part.body, peer.cut), message.slot, peer.cut + 1 == cut.total(), {}};
  if (!fits(peer, segment.bytes.size())) return Step::nothing;
  if (clock_.limited()) {
    // What was queued at the last drive could have left at any time since.
    const auto due = clock_.send(segment.bytes.size(),
                                 std::max({message.posted, last_drive_, now - kLinkCredit}), now);
    if (!due) return Step::link_is_busy;
    segment.due = *due;
    peer.wire.push(segment);
  } else {
    hand_over(peer, rank, segment);
  }
  if (segment.last) peer.queue.pop();
  peer.cut = segment.last ? 0 : peer.cut + 1;
  return Step::moved;
}

bool Communicator::push(Time now) {
  bool moved = false;
  for (int quiet = 0; quiet < size_ - 1;) {
    Peer& peer = peer_of(turn_);
    bool step = land(peer, turn_, now);
    const Step launched = launch(peer, turn_, now);
    // The bucket fills for the one whose turn it is; nobody's smaller segment goes before.
    if (launched == Step::link_is_busy) break;
    step |= launched == Step::moved;
    moved |= step;
    quiet = step ? 0 : quiet + 1;
    turn_ = after(turn_);
  }
  for (int peer = after(rank_), i = 1; i < size_; ++i, peer = after(peer))
    moved |= land(peer_of(peer), peer, now);
  return moved;
}

void Communicator::keep_alive(Time now) {
  next_beat_ = now + options_.heartbeat;
  const bool ending = options_.ending != nullptr && *options_.ending;
  const std::chrono::nanoseconds limit =
      ending ? std::min<std::chrono::nanoseconds>(3 * options_.heartbeat, options_.timeout)
             : options_.timeout;
  std::vector<int> silent;
  for (int rank = after(rank_), i = 1; i < size_; ++i, rank = after(rank)) {
    Peer& peer = peer_of(rank);
    if (!peer.left) add(counters_.heartbeat_bytes_sent, send_heartbeat(rank));
    // One that left in good order owes nothing, unless a message of it is still to come.
    if (peer.left && peer.quiet()) mark_alive(rank);
    if (watched_ - peer.heard > limit) silent.push_back(rank);
  }
  if (silent.empty()) return;
  std::sort(silent.begin(), silent.end());
  const double seconds = std::chrono::duration<double>(limit).count();
  const bool one = silent.size() == 1;
  abort_reason_.say(
      silent.front(),
      fmt::format("{} {} {} been silent for {:g} s ({}): {}. The "
                  "run can go on from its last checkpoint",
                  one ? "rank" : "ranks", fmt::join(silent, " and "), one ? "has" : "have", seconds,
                  ending ? "and the launcher ends the job" : "world.timeout",
                  one ? "it died, was stopped, or its network is gone"
                      : "they died, were stopped, or their network is gone"));
  end();
}

}  // namespace terse
