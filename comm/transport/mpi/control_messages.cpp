#include "terse/comm/transport/mpi/control_messages.h"

#include <cstring>

#include "terse/base/bytes.h"

namespace terse::mpi {

namespace {
constexpr int kTag = 1;
}

ControlMessages::ControlMessages()
    : rank_(world_.rank()),
      buffers_(std::make_unique<std::vector<PeerBuffers>>(static_cast<std::size_t>(world_.size()))),
      receiving_(buffers_->size(), MPI_REQUEST_NULL) {
  for (int peer = 0; peer < static_cast<int>(buffers_->size()); ++peer) {
    if (peer != rank_) receive(peer);
  }
}

void ControlMessages::receive(int peer) {
  TERSE_MPI_CHECK(MPI_Irecv(buffers_of(peer).in.data(), static_cast<int>(kMaxBytes), MPI_BYTE, peer,
                            kTag, world_.handle(), &receiving_[static_cast<std::size_t>(peer)]));
}

void ControlMessages::poll(const std::function<void(const ControlMessage&)>& take) {
  for (;;) {
    int peer = MPI_UNDEFINED, ready = 0, length = 0;
    MPI_Status status;
    const int code =
        MPI_Testany(static_cast<int>(receiving_.size()), receiving_.data(), &peer, &ready, &status);
    if (!ready || peer == MPI_UNDEFINED) return;
    if (code != MPI_SUCCESS) {
      take({peer, Kind::lost, peer, describe_loss(code)});
      continue;
    }
    TERSE_MPI_CHECK(MPI_Get_count(&status, MPI_BYTE, &length));
    const std::byte* in = buffers_of(peer).in.data();
    const Kind kind = length > 0 ? static_cast<Kind>(in[0]) : Kind::heartbeat;
    ControlMessage message{peer, kind, peer, {}};
    if (kind == Kind::abort && length >= 5) {
      message.origin = load<std::int32_t>(in + 1);
      message.sentence = {reinterpret_cast<const char*>(in + 5),
                          static_cast<std::size_t>(length - 5)};
    }
    take(message);
    if (kind != Kind::farewell) receive(peer);
  }
}

std::size_t ControlMessages::heartbeat(int peer) {
  PeerBuffers& to = buffers_of(peer);
  int left = 0;
  if (MPI_Test(&to.heartbeat_sent, &left, MPI_STATUS_IGNORE) != MPI_SUCCESS || !left) return 0;
  to.heartbeat = static_cast<std::byte>(Kind::heartbeat);
  const int code =
      MPI_Isend(&to.heartbeat, 1, MPI_BYTE, peer, kTag, world_.handle(), &to.heartbeat_sent);
  return code == MPI_SUCCESS ? 1 : 0;
}

void ControlMessages::farewell(int peer) {
  PeerBuffers& to = buffers_of(peer);
  to.farewell = static_cast<std::byte>(Kind::farewell);
  TERSE_MPI_CHECK(
      MPI_Isend(&to.farewell, 1, MPI_BYTE, peer, kTag, world_.handle(), &to.farewell_sent));
}

void ControlMessages::abort(int peer, int origin, std::string_view sentence) noexcept {
  PeerBuffers& to = buffers_of(peer);
  const std::size_t length = std::min(sentence.size(), AbortReason::kMaxBytes);
  to.abort[0] = static_cast<std::byte>(Kind::abort);
  store(to.abort.data() + 1, static_cast<std::int32_t>(origin));
  std::memcpy(to.abort.data() + 5, sentence.data(), length);
  TERSE_MPI_WARN(MPI_Isend(to.abort.data(), static_cast<int>(5 + length), MPI_BYTE, peer, kTag,
                           world_.handle(), &to.abort_sent));
}

bool ControlMessages::all_sent() noexcept {
  bool all = true;
  for (PeerBuffers& to : *buffers_) {
    for (MPI_Request* request : {&to.heartbeat_sent, &to.farewell_sent, &to.abort_sent}) {
      int left = 0;
      const int code = MPI_Test(request, &left, MPI_STATUS_IGNORE);
      all &= code != MPI_SUCCESS || left != 0;
    }
  }
  return all;
}

void ControlMessages::abandon() {
  world_.abandon();
  buffers_
      .release();  // NOLINT(bugprone-unused-return-value): the library may still read and write it
}

}  // namespace terse::mpi
