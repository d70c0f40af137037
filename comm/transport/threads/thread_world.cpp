#include "terse/comm/transport/threads/thread_world.h"

#include <array>
#include <cstring>
#include <exception>
#include <thread>

#include "terse/base/error.h"

namespace terse {
namespace {

constexpr std::size_t kQueued = 16;  // segments per pair of ranks
constexpr std::size_t kCacheLine = 64;

// From one rank to another. The sender writes `pushed` and what lies before it, the receiver
// `taken`.
struct Pipe {
  alignas(kCacheLine) std::atomic<std::uint64_t> pushed{0};
  std::array<ConstBytes, kQueued> segments;
  std::atomic<std::uint64_t> beats{0};
  std::atomic<bool> closed{
      false};  // the sender has left, and the memory of its segments may be freed
  alignas(kCacheLine) std::atomic<std::uint64_t> taken{0};
  std::atomic<bool> reading{false};
};

}  // namespace

class ThreadHub {
 public:
  ThreadHub(int size, const CommunicatorOptions& options)
      : size_(size), options_(options), pipes_(squared(size)), present_(squared(size)) {}

  int size() const { return size_; }
  const CommunicatorOptions& options() const { return options_; }
  Pipe& pipe(int from, int to) { return pipes_[static_cast<std::size_t>(from * size_ + to)]; }
  AbortReason& abort_reason() { return abort_reason_; }
  Tamper& tamper() { return tamper_; }
  void join(int rank) {
    if (rank < 0 || rank >= size_)
      fail<JobError>("rank {} does not exist in a world of {}", rank, size_);
    if (present_[static_cast<std::size_t>(rank)].exchange(true))
      fail<JobError>("rank {} joined its world twice", rank);
  }

 private:
  static std::size_t squared(int size) {
    if (size < 1) fail<JobError>("a world needs at least one rank, not {}", size);
    return static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  }

  int size_;
  CommunicatorOptions options_;
  std::vector<Pipe> pipes_;
  std::vector<std::atomic<bool>> present_;
  AbortReason abort_reason_;
  Tamper tamper_;
};

namespace {

class ThreadCommunicator : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<ThreadHub> hub, int rank)
      : Communicator(rank, hub->size(), hub->options(), {kQueued, std::size_t{1} << 20}),
        hub_(std::move(hub)),
        exceptions_(std::uncaught_exceptions()),
        ends_(static_cast<std::size_t>(size())) {
    hub_->join(rank);
  }

  ~ThreadCommunicator() override {
    if (std::uncaught_exceptions() > exceptions_) {
      abort("it left by an error");
    } else if (!can_leave()) {
      abort("it left while messages were under way");
    }
    ThreadCommunicator::release_buffers();
  }

  void release_buffers() noexcept override {
    for (int peer = 0; peer < size(); ++peer) {
      Pipe& pipe = hub_->pipe(rank(), peer);
      pipe.closed.store(true);
      while (pipe.reading.load()) std::this_thread::yield();
    }
  }

 private:
  // This rank's side of its pipes to and from one peer.
  struct End {
    std::uint64_t pushed = 0, counted = 0, taken = 0, beats_sent = 0, beats_heard = 0;
    RingBuffer<Bytes> expected;
  };
  End& end_of(int peer) { return ends_[static_cast<std::size_t>(peer)]; }

  void send(int peer, ConstBytes segment) override {
    Pipe& pipe = hub_->pipe(rank(), peer);
    End& end = end_of(peer);
    pipe.segments[end.pushed % kQueued] = segment;
    pipe.pushed.store(++end.pushed, std::memory_order_release);
  }

  std::size_t completed_sends(int peer) override {
    End& end = end_of(peer);
    const std::uint64_t taken = hub_->pipe(rank(), peer).taken.load(std::memory_order_acquire);
    const std::uint64_t count = taken - end.counted;
    end.counted = taken;
    return count;
  }

  void post_receive(int peer, Bytes segment) override { end_of(peer).expected.push(segment); }

  std::optional<std::size_t> poll_receive(int peer) override {
    Pipe& pipe = hub_->pipe(peer, rank());
    End& end = end_of(peer);
    if (end.expected.empty() || pipe.pushed.load(std::memory_order_acquire) == end.taken)
      return std::nullopt;
    const Bytes to = end.expected.front();
    const ConstBytes from = pipe.segments[end.taken % kQueued];
    if (from.size() > to.size()) throw_size_mismatch(peer);
    // Either the sender sees `reading` and keeps its memory, or this rank sees `closed`.
    pipe.reading.store(true);
    const bool gone = pipe.closed.load();
    if (!gone && !from.empty()) std::memcpy(to.data(), from.data(), from.size());
    pipe.reading.store(false);
    if (gone) return std::nullopt;
    if (hub_->tamper()) hub_->tamper()(peer, rank(), to.first(from.size()));
    end.expected.pop();
    pipe.taken.store(++end.taken, std::memory_order_release);
    return from.size();
  }

  std::size_t send_heartbeat(int peer) override {
    hub_->pipe(rank(), peer).beats.store(++end_of(peer).beats_sent, std::memory_order_relaxed);
    return 1;
  }

  void poll_control() override {
    if (hub_->abort_reason().is_set())
      on_abort(hub_->abort_reason().origin(), hub_->abort_reason().sentence());
    for (int peer = 0; peer < size(); ++peer) {
      if (peer == rank()) continue;
      Pipe& pipe = hub_->pipe(peer, rank());
      const std::uint64_t beats = pipe.beats.load(std::memory_order_relaxed);
      if (beats != end_of(peer).beats_heard) mark_alive(peer);
      end_of(peer).beats_heard = beats;
      if (pipe.closed.load(std::memory_order_relaxed)) mark_left(peer);
    }
  }

  void send_abort(int origin, std::string_view sentence) noexcept override {
    hub_->abort_reason().set(origin, sentence);
  }
  void on_local_abort() noexcept override {
    hub_->abort_reason().set(abort_reason().origin(), abort_reason().sentence());
  }

  std::shared_ptr<ThreadHub> hub_;
  int exceptions_;
  std::vector<End> ends_;
};

}  // namespace

std::shared_ptr<ThreadHub> make_thread_hub(int size, const CommunicatorOptions& options) {
  return std::make_shared<ThreadHub>(size, options);
}

void tamper_with(ThreadHub& hub, Tamper tamper) { hub.tamper() = std::move(tamper); }

std::unique_ptr<Communicator> join_world(std::shared_ptr<ThreadHub> hub, int rank) {
  return std::make_unique<ThreadCommunicator>(std::move(hub), rank);
}

}  // namespace terse
