// Heartbeats, farewells and abort messages between ranks, on an MPI communicator of their own so
// that they do not queue behind data. Communication thread only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "terse/comm/transport/abort_reason.h"
#include "terse/comm/transport/mpi/library.h"

namespace terse::mpi {

class ControlMessages {
 public:
  enum class Kind : std::uint8_t {
    lost = 0,  // never sent: MPI cannot reach this rank any more
    heartbeat = 1,
    farewell = 2,
    abort = 3
  };
  struct ControlMessage {
    int from;
    Kind kind;
    int origin;                 // of an abort: the rank that caused it
    std::string_view sentence;  // of an abort; of a loss, describe_loss()
  };

  ControlMessages();

  // Calls `take` for every message that has arrived; after a farewell no more come from that rank.
  // Does not throw for a peer that MPI cannot reach.
  void poll(const std::function<void(const ControlMessage&)>& take);
  // Returns the bytes sent: 0 if the previous heartbeat is still under way.
  std::size_t heartbeat(int peer);
  // To one peer; complete when all_sent() holds.
  void farewell(int peer);
  void abort(int peer, int origin, std::string_view sentence) noexcept;
  bool all_sent() noexcept;
  // Never frees the memory of messages under way.
  void abandon();

 private:
  static constexpr std::size_t kMaxBytes = 5 + AbortReason::kMaxBytes;
  struct PeerBuffers {
    std::array<std::byte, kMaxBytes> in{}, abort{};
    std::byte heartbeat{}, farewell{};
    MPI_Request heartbeat_sent = MPI_REQUEST_NULL, farewell_sent = MPI_REQUEST_NULL,
                abort_sent = MPI_REQUEST_NULL;
  };
  PeerBuffers& buffers_of(int peer) { return (*buffers_)[static_cast<std::size_t>(peer)]; }
  void receive(int peer);

  World world_;
  int rank_;
  std::unique_ptr<std::vector<PeerBuffers>> buffers_;  // by rank
  std::vector<MPI_Request> receiving_;                 // by rank; this rank's own is null
};

}  // namespace terse::mpi
