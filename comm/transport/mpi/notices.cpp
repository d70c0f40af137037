#include "terse/comm/transport/mpi/notices.h"

#include <cstring>

#include "terse/base/bytes.h"

namespace terse::mpi {

namespace {
constexpr int kTag = 1;
}

ControlMessages::ControlMessages()
    : rank_(world_.rank()),
      boxes_(std::make_unique<std::vector<Box>>(static_cast<std::size_t>(world_.size()))),
      receiving_(boxes_->size(), MPI_REQUEST_NULL) {
  for (int peer = 0; peer < static_cast<int>(boxes_->size()); ++peer) {
    if (peer != rank_) receive(peer);
  }
}

void ControlMessages::receive(int peer) {
  TERSE_MPI_CHECK(MPI_Irecv(box(peer).in.data(), static_cast<int>(kMostBytes), MPI_BYTE, peer, kTag,
                            world_.handle(), &receiving_[static_cast<std::size_t>(peer)]));
}

void ControlMessages::listen(const std::function<void(const ControlMessage&)>& take) {
  for (;;) {
    int peer = MPI_UNDEFINED, ready = 0, length = 0;
    MPI_Status status;
    const int code =
        MPI_Testany(static_cast<int>(receiving_.size()), receiving_.data(), &peer, &ready, &status);
    if (!ready || peer == MPI_UNDEFINED) return;
    if (code != MPI_SUCCESS) continue;
    TERSE_MPI_CHECK(MPI_Get_count(&status, MPI_BYTE, &length));
    const std::byte* in = box(peer).in.data();
    const Kind kind = length > 0 ? static_cast<Kind>(in[0]) : Kind::heartbeat;
    ControlMessage notice{peer, kind, peer, {}};
    if (kind == Kind::abort && length >= 5) {
      notice.origin = load<std::int32_t>(in + 1);
      notice.sentence = {reinterpret_cast<const char*>(in + 5),
                         static_cast<std::size_t>(length - 5)};
    }
    take(notice);
    if (kind != Kind::farewell) receive(peer);
  }
}

std::size_t ControlMessages::heartbeat(int peer) {
  Box& to = box(peer);
  int left = 0;
  if (MPI_Test(&to.heartbeat_sent, &left, MPI_STATUS_IGNORE) != MPI_SUCCESS || !left) return 0;
  to.heartbeat = static_cast<std::byte>(Kind::heartbeat);
  const int code =
      MPI_Isend(&to.heartbeat, 1, MPI_BYTE, peer, kTag, world_.handle(), &to.heartbeat_sent);
  return code == MPI_SUCCESS ? 1 : 0;
}

void ControlMessages::farewell(int peer) {
  Box& to = box(peer);
  to.farewell = static_cast<std::byte>(Kind::farewell);
  TERSE_MPI_CHECK(
      MPI_Isend(&to.farewell, 1, MPI_BYTE, peer, kTag, world_.handle(), &to.farewell_sent));
}

void ControlMessages::word(int peer, int origin, std::string_view sentence) noexcept {
  Box& to = box(peer);
  const std::size_t length = std::min(sentence.size(), AbortReason::kMostBytes);
  to.word[0] = static_cast<std::byte>(Kind::abort);
  store(to.word.data() + 1, static_cast<std::int32_t>(origin));
  std::memcpy(to.word.data() + 5, sentence.data(), length);
  TERSE_MPI_WARN(MPI_Isend(to.word.data(), static_cast<int>(5 + length), MPI_BYTE, peer, kTag,
                           world_.handle(), &to.word_sent));
}

bool ControlMessages::nothing_under_way() noexcept {
  bool all = true;
  for (Box& to : *boxes_) {
    for (MPI_Request* request : {&to.heartbeat_sent, &to.farewell_sent, &to.word_sent}) {
      int left = 0;
      const int code = MPI_Test(request, &left, MPI_STATUS_IGNORE);
      all &= code != MPI_SUCCESS || left != 0;
    }
  }
  return all;
}

void ControlMessages::abandon() {
  world_.abandon();
  boxes_
      .release();  // NOLINT(bugprone-unused-return-value): the library may still read and write it
}

}  // namespace terse::mpi
