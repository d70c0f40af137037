// Stopping a run by signals and resuming it, also in the other kind of world.
#include <csignal>

#include "launch/cli/program.h"
#include "terse/io/checkpoint.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;

// A codec with much state.
const CommandLine kDgc = {"--compression.codec=dgc", "--compression.density=0.01",
                          "--compression.warmup_epochs=1"};
const CommandLine kTwoThreads = {"--ranks=2"};

class Signals : public LaunchTest {
 protected:
  // Stops a run, which must write one complete checkpoint, at the last step of its log. Returns
  // that step, or 0 after a failure.
  std::int64_t stop(const CommandLine& words, const fs::path& dir, int signal) {
    Child training(words);
    const bool under_way =
        training.until([&] { return last_step(dir) >= kStep; }, "the first steps");
    if (!under_way) return 0;
    training.send(signal);
    EXPECT_EQ(training.wait(), 130) << training.out() << training.err();
    EXPECT_FALSE(fs::exists(dir / "summary.json"));
    const std::vector<Manifest> checkpoints = find_checkpoints(dir);
    EXPECT_EQ(checkpoints.size(), 1U);
    if (checkpoints.size() != 1) return 0;
    EXPECT_EQ(checkpoints[0].world_size, 2);
    EXPECT_EQ(checkpoints[0].step, last_step(dir));
    EXPECT_GE(checkpoints[0].step, kStep);
    return checkpoints[0].step;
  }

  // Resumes from `step` and compares the result with that of an uninterrupted run.
  void finish(CommandLine words, const fs::path& dir, std::int64_t step) {
    const std::int64_t end = end_after(step);
    const CompletedProcess ended =
        run(words + CommandLine{"--resume", fmt::format("--train.max_steps={}", end)});
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(final_hash(dir), undisturbed_hash(end, kDgc));
    std::vector<std::int64_t> all(static_cast<std::size_t>(end));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i) + 1;
    EXPECT_EQ(logged_steps(dir), all);
  }

  static constexpr std::int64_t kStep = 8;
};

TEST_F(Signals, InterruptStopsThreadsAtOneStepAndMpirunGoesOnToTheBit) {
  const fs::path dir = path("run");
  const std::int64_t step =
      stop(small_job(dir, kDgc + kTwoThreads + CommandLine{kSlow, kLong}), dir, SIGINT);
  ASSERT_GT(step, 0);
  finish(under_mpirun(2, small_job(dir, kDgc)), dir, step);
}

TEST_F(Signals, TermAndUserSignalsStopThreadsAtOneStepAndAResumedRunGoesOnToTheBit) {
  for (const int signal : {SIGTERM, SIGUSR1}) {
    SCOPED_TRACE(signal);
    const fs::path dir = path(fmt::format("run{}", signal));
    const std::int64_t step =
        stop(small_job(dir, kDgc + kTwoThreads + CommandLine{kSlow, kLong}), dir, signal);
    ASSERT_GT(step, 0);
    finish(small_job(dir, kDgc + kTwoThreads), dir, step);
  }
}

TEST_F(Signals, AUserSignalToMpirunStopsAllRanksAtOneStepAndThreadsGoOnToTheBit) {
  const fs::path dir = path("run");
  const std::int64_t step =
      stop(under_mpirun(2, small_job(dir, kDgc + CommandLine{kSlow, kLong})), dir, SIGUSR1);
  ASSERT_GT(step, 0);
  finish(small_job(dir, kDgc + kTwoThreads), dir, step);
}

}  // namespace
}  // namespace terse::test
