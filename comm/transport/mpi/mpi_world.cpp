#include "terse/comm/transport/mpi/mpi_world.h"

#include <exception>
#include <map>
#include <string>
#include <thread>

#include "terse/base/error.h"
#include "terse/comm/transport/mpi/control_messages.h"
#include "terse/comm/transport/mpi/library.h"
#include "terse/comm/transport/mpi/process_watch.h"
#include "terse/comm/transport/ring_buffer.h"

namespace terse {
namespace {

constexpr int kTag = 0;
constexpr std::chrono::milliseconds kAbortSendLimit{500};
constexpr int kFinalPolls = 20;

std::vector<ProcessId> gather_processes(const mpi::World& world) {
  const ProcessId mine = this_process();
  std::vector<ProcessId> all(static_cast<std::size_t>(world.size()));
  TERSE_MPI_CHECK(MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE,
                                world.handle()));
  return all;
}

// Exists before the base class, which needs rank and size, and outlives it.
struct Library {
  mpi::Session session;
  mpi::World world;
  mpi::ControlMessages control;
  ProcessWatch processes{world.rank(), gather_processes(world)};
};

class MpiCommunicator : private Library, public Communicator {
 public:
  explicit MpiCommunicator(const CommunicatorOptions& options)
      : Communicator(world.rank(), world.size(), options, {16, 64 * 1024}),
        thread_(std::this_thread::get_id()),
        exceptions_(std::uncaught_exceptions()),
        ends_(static_cast<std::size_t>(size())) {}

  ~MpiCommunicator() override {
    if (std::uncaught_exceptions() > exceptions_) {
      abort("it left by an error");
    } else if (!can_leave()) {
      abort("it left while messages were under way");
    }
    if (leave()) return;
    control.abandon();
    world.abandon();
    session.abandon();
  }

  // MPI reads and writes buffers only inside its own calls, and after a failure this rank makes
  // none for data.
  void release_buffers() noexcept override {}

 private:
  struct End {
    RingBuffer<MPI_Request> sending, receiving;  // in the order of the segments
  };
  End& end_of(int peer) { return ends_[static_cast<std::size_t>(peer)]; }

  void send(int peer, ConstBytes segment) override {
    MPI_Request request = MPI_REQUEST_NULL;
    TERSE_MPI_CHECK(MPI_Isend(segment.data(), static_cast<int>(segment.size()), MPI_BYTE, peer,
                              kTag, world.handle(), &request));
    end_of(peer).sending.push(request);
  }

  std::size_t completed_sends(int peer) override {
    RingBuffer<MPI_Request>& sending = end_of(peer).sending;
    std::size_t count = 0;
    for (; !sending.empty(); ++count) {
      int left = 0;
      if (!check_peer(peer, MPI_Test(&sending.front(), &left, MPI_STATUS_IGNORE)) || !left) break;
      sending.pop();
    }
    return count;
  }

  void post_receive(int peer, Bytes segment) override {
    MPI_Request request = MPI_REQUEST_NULL;
    TERSE_MPI_CHECK(MPI_Irecv(segment.data(), static_cast<int>(segment.size()), MPI_BYTE, peer,
                              kTag, world.handle(), &request));
    end_of(peer).receiving.push(request);
  }

  // Messages of one pair complete in order, so only the oldest receive is tested.
  std::optional<std::size_t> poll_receive(int peer) override {
    RingBuffer<MPI_Request>& receiving = end_of(peer).receiving;
    if (receiving.empty()) return std::nullopt;
    int ready = 0, length = 0;
    MPI_Status status;
    if (!check_peer(peer, MPI_Test(&receiving.front(), &ready, &status)) || !ready)
      return std::nullopt;
    receiving.pop();
    TERSE_MPI_CHECK(MPI_Get_count(&status, MPI_BYTE, &length));
    return static_cast<std::size_t>(length);
  }

  // Returns whether an operation with the peer succeeded; a peer that cannot be reached is lost.
  bool check_peer(int peer, int code) {
    if (code == MPI_SUCCESS) return true;
    int error = MPI_ERR_UNKNOWN;
    MPI_Error_class(code, &error);
    if (error == MPI_ERR_TRUNCATE) throw_size_mismatch(peer);
    lost_.emplace(peer, mpi::describe_loss(code));
    return false;
  }

  std::size_t send_heartbeat(int peer) override { return leaving_ ? 0 : control.heartbeat(peer); }

  void poll_control() override {
    listen();
    const std::vector<int> ended = processes.find_ended();
    if (ended.empty() && lost_.empty()) return;
    // A rank may have sent a farewell or an abort just before it ended.
    for (int i = 0; i < kFinalPolls; ++i) listen();
    for (const int peer : ended) {
      if (!has_left(peer)) lost_.emplace(peer, mpi::describe_death());
    }
    for (const auto& [peer, why] : lost_) {
      if (abort_reason().is_set()) break;
      mark_dead(peer,
                fmt::format("rank {} {}. The run can go on from its last checkpoint", peer, why));
    }
    lost_.clear();
  }

  void listen() {
    control.poll([this](const mpi::ControlMessages::ControlMessage& message) {
      if (message.kind == mpi::ControlMessages::Kind::lost) {
        lost_.emplace(message.from, message.sentence);
        return;
      }
      mark_alive(message.from);
      if (message.kind == mpi::ControlMessages::Kind::farewell) mark_left(message.from);
      if (message.kind == mpi::ControlMessages::Kind::abort)
        on_abort(message.origin, message.sentence);
    });
  }

  void send_abort(int origin, std::string_view sentence) noexcept override {
    for (int peer = 0; peer < size(); ++peer) {
      if (peer != rank() && !has_left(peer)) control.abort(peer, origin, sentence);
    }
    const auto end = Clock::now() + kAbortSendLimit;
    for (int idle = 0; !control.all_sent() && Clock::now() < end;) rest(idle);
  }

  void on_local_abort() noexcept override {
    if (std::this_thread::get_id() == thread_) announce_abort();
  }

  // Says farewell and waits for that of all others, without heartbeats: a peer that still waits for
  // this rank then finds it silent. Returns whether the library may be finalized.
  bool leave() noexcept {
    if (abort_reason().is_set() && std::this_thread::get_id() == thread_) announce_abort();
    if (!can_leave()) return false;
    try {
      leaving_ = true;
      for (int peer = 0; peer < size(); ++peer) {
        if (peer != rank()) control.farewell(peer);
      }
      for (int idle = 0; !all_left() || !control.all_sent();) {
        drive();
        rest(idle);
      }
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  bool all_left() const {
    for (int peer = 0; peer < size(); ++peer) {
      if (peer != rank() && !has_left(peer)) return false;
    }
    return true;
  }

  std::thread::id thread_;
  int exceptions_;
  bool leaving_ = false;
  std::vector<End> ends_;
  // Ranks found lost since poll_control() last looked, and why: what follows "rank N ".
  std::map<int, std::string> lost_;
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_world(const CommunicatorOptions& options) {
  return std::make_unique<MpiCommunicator>(options);
}

}  // namespace terse
