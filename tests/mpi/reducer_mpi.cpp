// The reducer's bodies in mpirun's world, and the proof that both worlds give the same bits: each
// process runs the same steps in a world of threads as well.
#include <gtest/gtest.h>

#include "comm/reducer/reducer_bodies.h"
#include "mpi/rank_main.h"
#include "terse/comm/transport/threads/thread_world.h"

namespace terse::test {
namespace {

std::uint64_t in_threads(int size, const CompressionOptions& words) {
  const auto hub = make_thread_hub(size, {});
  std::vector<std::uint64_t> hashes(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      CommThread thread([&] { return join_world(hub, rank); });
      hashes[static_cast<std::size_t>(rank)] = run_steps(thread, words);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return hashes[0];
}

TEST(MpiReducer, EqualsTheThreadWorldToTheBit) {
  for (const std::string& codec : all_codecs()) {
    EXPECT_EQ(run_steps(*world, words_for(codec)), in_threads(world->size(), words_for(codec)))
        << codec;
  }
}

TEST(MpiReducer, DenseIsTheSumInRankOrderToTheBit) { check_dense(*world); }

TEST(MpiReducer, AppliedAndKeptIsWhatCameIn) {
  for (const char* codec : {"fp16", "bf16", "maxmin", "topk"})
    check_conservation(*world, words_for(codec, "classic"), false);
}

TEST(MpiReducer, ASkippedStepLeavesNoTrace) {
  for (const std::string& codec : all_codecs()) check_nonfinite(*world, words_for(codec));
}

TEST(MpiReducer, TheWishToStopArrivesInOneStep) { check_stop(*world); }

TEST(MpiReducer, BytesAreWhatWasPromised) {
  for (const std::string& codec : all_codecs()) check_bytes(*world, words_for(codec));
}

}  // namespace
}  // namespace terse::test

int main(int argc, char** argv) { return terse::test::main_in_world(argc, argv); }
