#include "terse/trainers/optimizer/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

namespace terse::test {
namespace {

constexpr std::int64_t kPerEpoch = 10;

Job job_of(const std::string& kind) {
  Job job;
  job.optimizer.lr = 0.8;
  job.train.epochs = 4;
  job.schedule.kind = kind;
  return job;
}

void expect_rates(const Job& job, const std::vector<std::pair<std::int64_t, double>>& golden) {
  for (const auto& [step, rate] : golden) {
    EXPECT_TRUE(std::abs(learning_rate(job, step, kPerEpoch) - rate) <= 1e-12)
        << job.schedule.kind << " step " << step << ": " << learning_rate(job, step, kPerEpoch)
        << " is not " << rate;
  }
}

TEST(Schedule, ConstantStaysWhereItIs) {
  expect_rates(job_of("constant"), {{0, 0.8}, {17, 0.8}, {39, 0.8}, {1000, 0.8}});
}

TEST(Schedule, StepFallsAtEachMilestone) {
  Job job = job_of("step");
  job.schedule.milestones = {1, 2.5};
  job.schedule.gamma = 0.25;
  expect_rates(job, {{0, 0.8}, {9, 0.8}, {10, 0.2}, {24, 0.2}, {25, 0.05}, {1000, 0.05}});
}

TEST(Schedule, CosineFallsToItsEndAndStaysThere) {
  Job job = job_of("cosine");
  expect_rates(job, {{0, 0.8},
                     {10, 0.4 * (1 + std::sqrt(0.5))},
                     {20, 0.4},
                     {30, 0.4 * (1 - std::sqrt(0.5))},
                     {40, 0},
                     {1000, 0}});
  job.schedule.min_lr = 0.2;
  expect_rates(job, {{0, 0.8}, {20, 0.5}, {40, 0.2}, {1000, 0.2}});
  EXPECT_GT(learning_rate(job, 39, kPerEpoch), 0.2);
}

TEST(Schedule, CosineHasALengthOfItsOwn) {
  Job job = job_of("cosine");
  job.schedule.epochs = 2;
  expect_rates(job, {{0, 0.8}, {10, 0.4}, {20, 0}, {35, 0}});
}

TEST(Schedule, WarmUpRisesToTheRateAtItsLastStep) {
  for (const char* kind : {"constant", "step", "cosine"}) {
    Job job = job_of(kind);
    job.schedule.warmup_epochs = 0.4;
    job.schedule.milestones = {2};
    expect_rates(job, {{0, 0.2}, {1, 0.4}, {2, 0.6}, {3, 0.8}, {4, 0.8}});
  }
  Job job = job_of("cosine");
  job.schedule.warmup_epochs = 2;  // then the cosine has steps 20 to 40
  expect_rates(job, {{0, 0.04}, {9, 0.4}, {19, 0.8}, {20, 0.8}, {30, 0.4}, {40, 0}});
}

TEST(Schedule, AWarmUpThatIsNoWholeNumberOfStepsNeverPassesTheRate) {
  Job job = job_of("constant");
  job.schedule.warmup_epochs = 0.25;  // 2.5 steps
  expect_rates(job, {{0, 0.32}, {1, 0.64}, {2, 0.8}, {3, 0.8}});
}

}  // namespace
}  // namespace terse::test
