// Ranks that die, stop, fail alone or were started differently, under a real mpirun.
#include <sys/resource.h>

#include <csignal>
#include <iostream>
#include <random>

#include "launch/cli/program.h"
#include "terse/base/file.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;

constexpr int kRanks = 3;

class Faults : public LaunchTest {
 protected:
  Faults() {
    const unsigned seed = std::random_device()();
    std::cout << "seed " << seed << "\n";
    random_.seed(seed);
    victim_ = static_cast<int>(random_() % kRanks);
    step_ = 1 + static_cast<std::int64_t>(random_() % 40);
  }

  Words job() const {
    return small_job(path("run"), {"--world.timeout=2s", "--link.latency=5ms", kLong,
                                   "--compression.codec=fp16"});
  }

  // Starts the ranks and does `harm` to the victim at the step.
  void harm(const Ranks& ranks, Child& training, int signal) const {
    ASSERT_TRUE(training.until([&] { return last_step(path("run")) >= step_; },
                               fmt::format("step {}", step_)));
    ranks.send(victim_, signal);
  }

  // Every rank but the victim says that it has been silent.
  void expect_said(const std::string& err) const {
    for (int rank = 0; rank < kRanks; ++rank) {
      const int said =
          count(err, fmt::format("terse: rank {}: rank {} has been silent for ", rank, victim_));
      EXPECT_EQ(said, rank == victim_ ? 0 : 1) << "rank " << rank << " of " << err;
    }
  }

  // With a mpirun that leaves the others alone.
  void lose(int signal) const {
    SCOPED_TRACE(fmt::format("rank {} at step {}", victim_, step_));
    const Ranks ranks(path("ranks"), kRanks, Ranks::Codes::recorded);
    Child training(ranks.words(job()));
    ASSERT_NO_FATAL_FAILURE(harm(ranks, training, signal));
    ASSERT_TRUE(training.until([&] { return ranks.all_ended_but(victim_); }, "the others' end"));
    for (int rank = 0; rank < kRanks; ++rank) {
      if (rank == victim_) continue;
      EXPECT_EQ(ranks.code(rank), 3) << "rank " << rank;
    }
    if (signal == SIGSTOP) {
      EXPECT_EQ(ranks.code(victim_), std::nullopt);
      ranks.send(victim_, SIGKILL);
    }
    training.wait();
    EXPECT_EQ(ranks.code(victim_), 128 + SIGKILL);
    expect_said(training.err());
  }

  // With a plain mpirun, which ends the job in its own way.
  void lose_plainly(int signal) const {
    SCOPED_TRACE(fmt::format("rank {} at step {}", victim_, step_));
    const Ranks ranks(path("ranks"), kRanks, Ranks::Codes::mpirun_sees);
    Child training(ranks.words(job()));
    ASSERT_NO_FATAL_FAILURE(harm(ranks, training, signal));
    EXPECT_NE(training.wait(), 0);
    EXPECT_GE(count(training.err(), fmt::format("rank {} has been silent for ", victim_)), 1)
        << training.err();
    EXPECT_FALSE(fs::exists(path("run") / "summary.json"));
  }

  std::mt19937 random_;
  int victim_ = 0;
  std::int64_t step_ = 0;
};

TEST_F(Faults, AKilledRankIsNamedByEveryOtherAndTheyLeaveWith3) { lose(SIGKILL); }
TEST_F(Faults, AStoppedRankIsNamedByEveryOtherAndTheyLeaveWith3) { lose(SIGSTOP); }
TEST_F(Faults, PlainMpirunEndsWithTheSentenceWhenARankIsKilled) { lose_plainly(SIGKILL); }
TEST_F(Faults, PlainMpirunEndsWithTheSentenceWhenARankIsStopped) { lose_plainly(SIGSTOP); }

TEST_F(Faults, ARankThatFailsAloneLeavesWithItsOwnCodeAndTheOthersSayWhichOneItWas) {
  const Ranks ranks(path("ranks"), kRanks, Ranks::Codes::recorded);
  Child training(ranks.words(job()));
  ASSERT_TRUE(training.until([&] { return last_step(path("run")) >= step_; }, "the first steps"));
  // Rank 0, which alone writes metrics, finds no more room for them.
  const rlimit full = {1024, 1024};
  ASSERT_EQ(::prlimit(ranks.pid(0), RLIMIT_FSIZE, &full, nullptr), 0);
  training.wait();
  EXPECT_EQ(ranks.code(0), 1);
  EXPECT_EQ(count(training.err(), "terse: rank 0: cannot "), 1) << training.err();
  for (int rank = 1; rank < kRanks; ++rank) {
    EXPECT_EQ(ranks.code(rank), 3) << "rank " << rank;
    EXPECT_EQ(
        count(training.err(), fmt::format("terse: rank {}: rank 0 stopped the run: cannot ", rank)),
        1)
        << training.err();
  }
}

// Two ranks with command lines of their own.
Ended run_two(const Words& first, const Words& second) {
  return run(under_mpirun(1, first) + Words{":", "-np", "1"} + second);
}

void expect_refused(const Ended& ended, const std::string& difference) {
  EXPECT_EQ(ended.code, 2);
  const std::string sentence =
      "terse: rank 1 was started with another job than rank 0: " + difference;
  EXPECT_EQ(count(ended.err, sentence), 1) << sentence << " in: " << ended.err;
  EXPECT_EQ(count(ended.out, "step 1/"), 0) << ended.out;
}

TEST_F(Faults, RanksWithDifferentJobsAreRefusedBeforeTheFirstStep) {
  const fs::path dir = path("run");
  expect_refused(run_two(small_job(dir), small_job(dir, {"--train.seed=2"})),
                 "train.seed=2 against train.seed=1.");
  expect_refused(run_two(small_job(dir), small_job(dir, {"--compression.codec=topk",
                                                         "--compression.density=0.01"})),
                 "compression.codec=topk against compression.codec=none.");
  EXPECT_FALSE(fs::exists(dir));
}

TEST_F(Faults, RanksWithDifferentDataAreRefusedBeforeTheFirstStep) {
  for (const char* name : {"a", "b"}) {
    fs::create_directories(path(name));
    for (const char* split : {"train", "t10k"}) {
      // Two images of 8 x 8 pixels, whose color is the name.
      const std::string head("\0\0\x08\x03\0\0\0\x02\0\0\0\x08\0\0\0\x08", 16);
      write(fmt::format("{}/{}-images-idx3-ubyte", name, split), head + std::string(128, *name));
      write(fmt::format("{}/{}-labels-idx1-ubyte", name, split),
            std::string("\0\0\x08\x01\0\0\0\x02\0\x01", 10));
    }
  }
  const auto job = [&](const char* name) {
    return small_job(path("run"), {"--data.kind=idx", "--data.path=" + path(name).string()});
  };
  expect_refused(run_two(job("a"), job("b")), "data (fingerprint)=");
  EXPECT_FALSE(fs::exists(path("run")));
}

}  // namespace
}  // namespace terse::test
