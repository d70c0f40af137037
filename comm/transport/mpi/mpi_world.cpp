#include "terse/comm/transport/mpi/mpi_world.h"

#include <exception>
#include <thread>

#include "terse/base/error.h"
#include "terse/comm/transport/mpi/library.h"
#include "terse/comm/transport/mpi/notices.h"
#include "terse/comm/transport/ring_buffer.h"

namespace terse {
namespace {

constexpr int kTag = 0;
constexpr std::chrono::milliseconds kLongestTelling{500};

// What has to exist before the base class can know rank and size, and has to outlive it.
struct Library {
  mpi::Session session;
  mpi::World world;
  mpi::ControlMessages notices;
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
    } else if (!settled()) {
      abort("it left while messages were under way");
    }
    if (leave()) return;
    notices.abandon();
    world.abandon();
    session.abandon();
  }

  // What MPI was given it reads only inside its own calls, and after a failure this rank makes none
  // for data.
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
      judge(peer, MPI_Test(&sending.front(), &left, MPI_STATUS_IGNORE));
      if (!left) break;
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

  // Messages of one pair complete in order, so the oldest receive is the only one to ask about.
  std::optional<std::size_t> poll_receive(int peer) override {
    RingBuffer<MPI_Request>& receiving = end_of(peer).receiving;
    if (receiving.empty()) return std::nullopt;
    int ready = 0, length = 0;
    MPI_Status status;
    judge(peer, MPI_Test(&receiving.front(), &ready, &status));
    if (!ready) return std::nullopt;
    receiving.pop();
    TERSE_MPI_CHECK(MPI_Get_count(&status, MPI_BYTE, &length));
    return static_cast<std::size_t>(length);
  }

  void judge(int peer, int code) const {
    if (code == MPI_SUCCESS) return;
    int error = MPI_ERR_UNKNOWN;
    MPI_Error_class(code, &error);
    if (error == MPI_ERR_TRUNCATE) throw_size_mismatch(peer);
    throw PeerLost(peer, fmt::format("rank {} cannot reach rank {} any more: {}", rank(), peer,
                                     mpi::error_text(code)));
  }

  std::size_t send_heartbeat(int peer) override { return leaving_ ? 0 : notices.heartbeat(peer); }

  void poll_control() override {
    notices.listen([this](const mpi::ControlMessages::ControlMessage& notice) {
      mark_alive(notice.from);
      if (notice.kind == mpi::ControlMessages::Kind::farewell) mark_left(notice.from);
      if (notice.kind == mpi::ControlMessages::Kind::abort)
        on_abort(notice.origin, notice.sentence);
    });
  }

  void send_abort(int origin, std::string_view sentence) noexcept override {
    for (int peer = 0; peer < size(); ++peer) {
      if (peer != rank() && !has_left(peer)) notices.word(peer, origin, sentence);
    }
    const auto end = Clock::now() + kLongestTelling;
    for (int idle = 0; !notices.nothing_under_way() && Clock::now() < end;) rest(idle);
  }

  void on_local_abort() noexcept override {
    if (std::this_thread::get_id() == thread_) announce_abort();
  }

  // Says farewell and waits for that of all others; no heartbeats meanwhile, so that one which
  // still wants something of this rank learns that it waits in vain. Returns whether the library
  // may be finalized.
  bool leave() noexcept {
    if (abort_reason().said() && std::this_thread::get_id() == thread_) announce_abort();
    if (!settled()) return false;
    try {
      leaving_ = true;
      for (int peer = 0; peer < size(); ++peer) {
        if (peer != rank()) notices.farewell(peer);
      }
      for (int idle = 0; !all_left() || !notices.nothing_under_way();) {
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
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_world(const CommunicatorOptions& options) {
  return std::make_unique<MpiCommunicator>(options);
}

}  // namespace terse
