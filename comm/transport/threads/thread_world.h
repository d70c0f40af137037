// A world within one process: n ranks, each a thread with a Communicator of its own, connected by a
// hub. A segment is a descriptor in a queue with one writer and one reader; the receiver copies it
// in its own drive(). No locks.
#pragma once

#include <functional>
#include <memory>

#include "terse/comm/transport/communicator.h"

namespace terse {

// Connects the ranks; lives as long as one of them holds it.
class ThreadHub;

std::shared_ptr<ThreadHub> make_thread_hub(int size, const CommunicatorOptions& options);

// For tests of damaged messages: called on the receiver's thread with every received segment,
// before it is used. Set it before the ranks join.
using Tamper = std::function<void(int from, int to, Bytes segment)>;
void tamper_with(ThreadHub& hub, Tamper tamper);

// Once for each rank. The communicator may be destroyed while others still use theirs: without open
// rounds the rank leaves in order; with open rounds, or during an exception, it ends the world for
// all (PeerLost).
std::unique_ptr<Communicator> join_world(std::shared_ptr<ThreadHub> hub, int rank);

}  // namespace terse
