// Heartbeats, farewells and last words between ranks, on an MPI communicator of their own so that
// no queue of data stands before them. Communication thread only.
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
  enum class Kind : std::uint8_t { heartbeat = 1, farewell = 2, abort = 3 };
  struct ControlMessage {
    int from;
    Kind kind;
    int origin;                 // of a word: the rank that is the cause
    std::string_view sentence;  // of a word
  };

  ControlMessages();

  // Calls `take` for every notice that has come; after a farewell nothing more comes from that
  // rank. Throws nothing of MPI's: a peer that cannot be heard is a silent one.
  void listen(const std::function<void(const ControlMessage&)>& take);
  // Bytes sent: none if the one before is still under way.
  std::size_t heartbeat(int peer);
  // To one peer; done when nothing_under_way() says so.
  void farewell(int peer);
  void word(int peer, int origin, std::string_view sentence) noexcept;
  bool nothing_under_way() noexcept;
  // Whatever is under way stays so, and its memory is never freed.
  void abandon();

 private:
  static constexpr std::size_t kMostBytes = 5 + AbortReason::kMostBytes;
  struct Box {
    std::array<std::byte, kMostBytes> in{}, word{};
    std::byte heartbeat{}, farewell{};
    MPI_Request heartbeat_sent = MPI_REQUEST_NULL, farewell_sent = MPI_REQUEST_NULL,
                word_sent = MPI_REQUEST_NULL;
  };
  Box& box(int peer) { return (*boxes_)[static_cast<std::size_t>(peer)]; }
  void receive(int peer);

  World world_;
  int rank_;
  std::unique_ptr<std::vector<Box>> boxes_;  // by rank
  std::vector<MPI_Request> receiving_;       // by rank; this rank's own is null
};

}  // namespace terse::mpi
