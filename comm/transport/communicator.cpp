#include "terse/comm/transport/communicator.h"

#include <algorithm>
#include <thread>

#include "terse/base/error.h"
#include "terse/comm/transport/segmentation.h"

namespace terse {
namespace {

constexpr std::size_t kLargestSegment = 64 * 1024;
constexpr std::chrono::microseconds kShortNap{50}, kLongNap{200};

}  // namespace

Communicator::Communicator(int rank, int size, const CommunicatorOptions& options, Window window)
    : rank_(rank),
      size_(size),
      options_(options),
      window_(window),
      clock_(options.link),
      peers_(static_cast<std::size_t>(std::max(size, 0))),
      turn_(0),
      last_drive_(Clock::now()),
      next_beat_(last_drive_) {
  if (size < 1 || rank < 0 || rank >= size)
    fail<JobError>("rank {} does not exist in a world of {}", rank, size);
  if (options.segment_bytes < 1 || options.segment_bytes > kLargestSegment) {
    fail<JobError>("segments of {} bytes: 1 to {} are possible", options.segment_bytes,
                   kLargestSegment);
  }
  if (!(options.link.bytes_per_second >= 0) || options.link.latency.count() < 0) {
    fail<JobError>("link.bandwidth and link.latency cannot be negative");
  }
  if (options.heartbeat.count() < 1 || options.timeout < 2 * options.heartbeat) {
    fail<JobError>("world.timeout = {} ms is too short: at least {} ms, two heartbeats",
                   options.timeout.count(), 2 * options.heartbeat.count());
  }
  turn_ = next_peer(rank);
}

Communicator::~Communicator() = default;

std::chrono::milliseconds min_timeout(const Link& link, int size) {
  constexpr double kSocketBuffers = 2 * 16 * 1024;
  std::chrono::milliseconds least{1000};
  if (link.bytes_per_second > 0) {
    const double queued = (size - 1) * (static_cast<double>(kLargestSegment) + kSocketBuffers);
    least += std::chrono::milliseconds(
        static_cast<std::int64_t>(10 * 1000 * queued / link.bytes_per_second));
  }
  return least;
}

int Communicator::next_peer(int peer) const {
  const int next = (peer + 1) % size_;
  return next == rank_ ? (next + 1) % size_ : next;
}

void Communicator::check(std::span<const Outgoing> send, std::span<const Incoming> receive) const {
  const auto check_peer = [this](int peer) {
    if (peer < 0 || peer >= size_ || peer == rank_) {
      fail<Error>("rank {} of {} posted a message to or from rank {}", rank_, size_, peer);
    }
  };
  for (const Outgoing& part : send) {
    check_peer(part.peer);
    if (part.body.size() > part.capacity) {
      fail<Error>("a message of {} bytes to rank {} exceeds its capacity of {}", part.body.size(),
                  part.peer, part.capacity);
    }
  }
  for (const Incoming& part : receive) check_peer(part.peer);
}

std::uint32_t Communicator::take_slot(std::span<const Outgoing> send,
                                      std::span<const Incoming> receive) {
  most_send_ = std::max(most_send_, send.size());
  most_receive_ = std::max(most_receive_, receive.size());
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
    free_.reserve(slots_.size());
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  // Every slot gets room for the largest round at once: any of them may carry it later.
  for (Slot& slot : slots_) {
    slot.send.reserve(most_send_);
    slot.receive.reserve(most_receive_);
    slot.lengths.reserve(most_receive_);
  }
  Slot& slot = slots_[index];
  ++slot.generation;
  slot.send.assign(send.begin(), send.end());
  slot.receive.assign(receive.begin(), receive.end());
  slot.lengths.assign(receive.size(), 0);
  slot.open = 0;
  return index;
}

Ticket Communicator::post(std::span<const Outgoing> send, std::span<const Incoming> receive) {
  if (abort_reason_.is_set()) throw_peer_lost();
  check(send, receive);
  const std::uint32_t index = take_slot(send, receive);
  Slot& slot = slots_[index];
  for (std::uint32_t i = 0; i < receive.size(); ++i) {
    const Incoming& part = receive[i];
    const Segmentation cut{part.head.size(), part.body.size(), options_.segment_bytes};
    if (cut.total() == 0) continue;
    for (std::size_t k = 0; k < cut.total(); ++k)
      post_receive(part.peer, cut.part(part.head, part.body, k));
    peer_of(part.peer).expected.push({index, i, {}});
    ++slot.open;
  }
  const Time now = clock_.limited() ? Clock::now() : Time{};
  for (std::uint32_t i = 0; i < send.size(); ++i) {
    const Outgoing& part = send[i];
    add(counters_.messages_sent, 1);
    if (Segmentation{part.head.size(), part.capacity, options_.segment_bytes}.total() == 0)
      continue;
    peer_of(part.peer).queue.push({index, i, now});
    ++slot.open;
  }
  return {index, slot.generation};
}

bool Communicator::done(Ticket ticket) const {
  const Slot& slot = slots_[ticket.index];
  return slot.generation != ticket.generation || slot.open == 0;
}

std::size_t Communicator::received(Ticket ticket, std::size_t i) const {
  const Slot& slot = slots_[ticket.index];
  if (slot.generation != ticket.generation || slot.open != 0 || i >= slot.lengths.size()) {
    fail<Error>(
        "the length of a message was asked for that has not arrived: its round is open or was "
        "released");
  }
  return slot.lengths[i];
}

void Communicator::release(Ticket ticket) {
  Slot& slot = slots_[ticket.index];
  if (slot.generation != ticket.generation) return;
  if (slot.open != 0)
    fail<Error>("a round was released while {} of its messages are under way", slot.open);
  ++slot.generation;
  free_.push_back(ticket.index);
}

void Communicator::announce_abort() noexcept {
  if (announced_) return;
  announced_ = true;
  send_abort(abort_reason_.origin(), abort_reason_.sentence());
}

void Communicator::throw_peer_lost() {
  failed_ = true;
  while (!abort_reason_.is_set()) std::this_thread::yield();  // another thread is setting it
  announce_abort();
  throw PeerLost(abort_reason_.origin(), std::string(abort_reason_.sentence()));
}

void Communicator::on_abort(int origin, std::string_view sentence) noexcept {
  abort_reason_.set(origin, sentence);
}

void Communicator::mark_dead(int peer, std::string_view sentence) noexcept {
  mark_left(peer);  // nothing more is sent there
  abort_reason_.set(peer, sentence);
}

void Communicator::abort(std::string_view why) noexcept {
  std::array<char, AbortReason::kMaxBytes> text;
  const auto written =
      fmt::format_to_n(text.begin(), text.size(), "rank {} stopped the run: {}", rank_, why);
  if (abort_reason_.set(rank_, {text.data(), std::min(written.size, text.size())}))
    on_local_abort();
}

void Communicator::wait(Ticket ticket) {
  for (int idle = 0; !done(ticket);) {
    if (drive()) {
      idle = 0;
    } else {
      pause(idle);
    }
  }
}

void Communicator::rest(int& idle) {
  constexpr int kYields = 100, kShortNaps = 200;
  ++idle;
  if (idle <= kYields) {
    std::this_thread::yield();
  } else {
    std::this_thread::sleep_for(idle <= kYields + kShortNaps ? kShortNap : kLongNap);
  }
}

void Communicator::pause(int& idle) const {
  if (clock_.limited()) {
    std::this_thread::sleep_for(kLongNap);
  } else {
    rest(idle);
  }
}

bool Communicator::can_leave() const {
  return !failed_ && !abort_reason_.is_set() &&
         std::all_of(peers_.begin(), peers_.end(), [](const Peer& peer) { return peer.is_idle(); });
}

std::optional<Communicator::Silence> Communicator::longest_silence() const {
  std::optional<Silence> longest;
  for (int rank = 0; rank < size_; ++rank) {
    const Peer& peer = peers_[static_cast<std::size_t>(rank)];
    if (rank == rank_ || (peer.left && peer.is_idle())) continue;
    const std::chrono::nanoseconds time = watched_ - peer.heard;
    if (!longest || time > longest->time) longest = Silence{rank, time};
  }
  return longest;
}

Traffic Communicator::traffic() const {
  const auto now = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  return {now(counters_.bytes_sent), now(counters_.bytes_received), now(counters_.messages_sent),
          now(counters_.heartbeat_bytes_sent)};
}

}  // namespace terse
