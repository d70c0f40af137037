// The world of one process: n ranks, each a thread with a Communicator of its own, that meet in a
// hub. A segment is a descriptor in a queue with one writer and one reader; the receiver copies it
// in its own drive(). No lock on the way.
#pragma once

#include <functional>
#include <memory>

#include "terse/comm/transport/communicator.h"

namespace terse {

// Where the ranks meet; alive as long as one of them holds it.
class ThreadHub;

std::shared_ptr<ThreadHub> make_thread_hub(int size, const CommunicatorOptions& options);

// For tests of damage: called on the receiver's thread with every segment that has come, before
// anyone looks at it. To be set before the ranks join.
using Tamper = std::function<void(int from, int to, Bytes segment)>;
void tamper_with(ThreadHub& hub, Tamper tamper);

// Each rank once. The communicator may be destroyed while others still use theirs: with nothing
// open this is a farewell; with open rounds, or by an exception, it ends the world for all
// (PeerLost).
std::unique_ptr<Communicator> join_world(std::shared_ptr<ThreadHub> hub, int rank);

}  // namespace terse
