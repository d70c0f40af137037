#include "terse/launch/tools/convergence.h"

#include <gtest/gtest.h>

#include "terse/base/error.h"

namespace terse::test {
namespace {

// Upper bound on steps, in multiples of those with dense gradients.
constexpr double kFactor = 4;

TEST(Convergence, EveryCodecWithItsOwnFeedbackReachesTheDenseOptimum) {
  for (const Trial& trial : trials()) {
    const Outcome dense = descend(*trial.problem, trial_options("none"), trial.descent);
    ASSERT_TRUE(dense.met) << trial.name << " gap " << dense.last;
    for (const CodecInfo& info : codecs()) {
      if (is_sign_vote(info)) continue;
      const Outcome outcome =
          descend(*trial.problem, trial_options(std::string(info.name)), trial.descent);
      EXPECT_TRUE(outcome.met) << trial.name << " " << info.name << " gap " << outcome.last;
      // The low-pass residual is slow by design.
      const double factor = info.feedback == "lowpass" ? 2 * kFactor : kFactor;
      EXPECT_LE(outcome.steps, factor * dense.steps) << trial.name << " " << info.name;
    }
  }
}

TEST(Convergence, TopKReachesTheOptimumWithEveryFeedbackThatKeepsAResidual) {
  const Trial trial = std::move(trials()[0]);
  const Outcome dense = descend(*trial.problem, trial_options("none"), trial.descent);
  for (const FeedbackInfo& info : feedbacks()) {
    if (info.name == "none" || info.name == "signum") continue;
    const Outcome outcome =
        descend(*trial.problem, trial_options("topk", std::string(info.name)), trial.descent);
    EXPECT_TRUE(outcome.met) << info.name << " gap " << outcome.last;
    EXPECT_LE(outcome.steps, 2 * kFactor * dense.steps) << info.name;
  }
}

TEST(Convergence, TopKWithoutFeedbackStopsFarFromTheOptimum) {
  const Trial trial = std::move(trials()[0]);
  const Outcome outcome = descend(*trial.problem, trial_options("topk", "none"), trial.descent);
  EXPECT_FALSE(outcome.met);
  EXPECT_GT(outcome.best, 3 * trial.descent.target);
}

TEST(Convergence, TopKWithoutFeedbackDivergesOnTheCounterExample) {
  const auto trap = make_topk_trap();
  const auto run = [&](const char* feedback) {
    CompressionOptions options = trial_options("topk", feedback);
    options.density = 1.0 / 3;
    return descend(*trap, options, {.world = 3, .lr = 0.02f, .target = 1e-4, .max_steps = 2000});
  };
  const Outcome without = run("none");
  EXPECT_FALSE(without.met);
  EXPECT_GE(without.best, 1.0);
  EXPECT_FALSE(without.last < 1e6);
  EXPECT_TRUE(run("classic").met);
  EXPECT_TRUE(run("ef21").met);
}

TEST(Convergence, TheSignWithoutFeedbackNeverLeavesTheLine) {
  const auto trap = make_sign_trap();
  const Descent descent{
      .world = 1, .lr = 0.1f, .decay_lr = true, .target = 0.05, .max_steps = 4000};
  EXPECT_GT(descend(*trap, trial_options("signsgd"), descent).best, 0.99);
  EXPECT_TRUE(descend(*trap, trial_options("ef_sign"), descent).met);
}

TEST(Problems, GradientsAreThoseOfTheGap) {
  for (const Trial& trial : trials()) {
    std::vector<float> x = trial.problem->start();
    std::vector<double> mean(x.size(), 0.0);
    std::vector<float> grad(x.size());
    for (int rank = 0; rank < trial.descent.world; ++rank) {
      trial.problem->gradient(rank, x, grad);
      for (std::size_t i = 0; i < x.size(); ++i) mean[i] += grad[i] / trial.descent.world;
    }
    for (std::size_t i = 0; i < x.size(); i += x.size() / 7) {
      const float kept = x[i];
      x[i] = kept + 0.01f;
      const double above = trial.problem->gap(x);
      x[i] = kept - 0.01f;
      const double below = trial.problem->gap(x);
      x[i] = kept;
      EXPECT_TRUE(std::abs((above - below) / 0.02 - mean[i]) < 2e-2) << trial.name << " " << i;
    }
  }
}

}  // namespace
}  // namespace terse::test
