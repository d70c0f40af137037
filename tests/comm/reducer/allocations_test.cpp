// A steady step asks for no memory. Seen by replacing the global operator for this whole test
// program.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

#include "comm/reducer/reducer_bodies.h"
#include "terse/comm/transport/threads/thread_world.h"

namespace {
std::atomic<long> allocations{0};
}

#ifndef TERSE_SANITIZED  // an instrumented program has operators of the sanitizer's, which must
                         // stay
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace terse::test {
namespace {

TEST(Allocations, NoneInASteadyStep) {
#ifdef TERSE_SANITIZED
  GTEST_SKIP() << "the sanitizer's own operators allocate here, so nothing can be counted";
#endif
  for (const std::string& codec : all_codecs()) {
    const auto hub = make_thread_hub(3, {});
    std::atomic<int> waiting{0};
    std::atomic<long> counted{-1};
    std::vector<std::thread> threads;
    for (int rank = 0; rank < 3; ++rank) {
      threads.emplace_back([&, rank] {
        CommThread thread([&] { return join_world(hub, rank); });
        Model model = make_layers();
        Reducer reducer(model.layers, thread, make_plan(model.layers, words_for(codec), 0, 3), {});
        const auto meet = [&](int times) {
          ++waiting;
          while (waiting < 3 * times) std::this_thread::yield();
        };
        long before = 0;
        for (int step = 0; step < 10; ++step) {
          if (step == 6) {
            meet(1);
            before = allocations;
            meet(2);
          }
          fill(model, rank, step);
          reducer.begin(static_cast<std::uint64_t>(step));
          reducer.finish();
        }
        meet(3);
        if (rank == 0) counted = allocations - before;
        meet(4);
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(counted, 0) << codec;
  }
}

}  // namespace
}  // namespace terse::test
