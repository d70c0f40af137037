// Runs a world of threads whose ranks have communication threads of their own. A rank that throws
// is a failure of the test and ends the world.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

#include "terse/comm/comm_thread.h"
#include "terse/comm/thread_world.h"

namespace terse::test {

// One function a rank, each with a communication thread of its own.
inline void run_threads(int world, const std::function<void(CommThread&)>& rank_main,
                        const CommunicatorOptions& options = {}) {
  const auto hub = make_thread_hub(world, options);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world; ++rank) {
    threads.emplace_back([&, rank] {
      CommThread thread([&] { return join_world(hub, rank); });
      try {
        rank_main(thread);
      } catch (const std::exception& error) {
        ADD_FAILURE() << "rank " << rank << ": " << error.what();
        thread.abort(error.what());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace terse::test
