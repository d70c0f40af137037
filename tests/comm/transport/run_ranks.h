// Runs a world of threads: one function, once per rank. A rank that throws is a failure of the test
// and ends the world.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "terse/comm/transport/threads/thread_world.h"

namespace terse::test {

inline void run_ranks(const std::shared_ptr<ThreadHub>& hub, int size,
                      const std::function<void(Communicator&)>& rank_main) {
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      const std::unique_ptr<Communicator> communicator = join_world(hub, rank);
      try {
        rank_main(*communicator);
      } catch (const std::exception& error) {
        ADD_FAILURE() << "rank " << rank << ": " << error.what();
        communicator->abort(error.what());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

inline void run_ranks(int size, const CommunicatorOptions& options,
                      const std::function<void(Communicator&)>& rank_main) {
  run_ranks(make_thread_hub(size, options), size, rank_main);
}

}  // namespace terse::test
