#include "terse/launch/tools/convergence.h"

#include <gtest/gtest.h>

#include "terse/base/error.h"

namespace terse::test {
namespace {

// Steps to the target, of those that the dense gradient takes: what the table promises.
constexpr double kFactor = 4;

bool exists(std::string_view codec) {
  for (const std::string_view name : codec_names()) {
    if (name == codec) return true;
  }
  return false;
}

TEST(Convergence, EveryCodecWithItsOwnFeedbackReachesTheDenseOptimum) {
  for (const Trial& trial : trials()) {
    const Outcome dense = descend(*trial.problem, trial_words("none"), trial.descent);
    ASSERT_TRUE(dense.met) << trial.name << " gap " << dense.last;
    for (const CodecInfo& info : codecs()) {
      if (votes(info)) continue;
      const Outcome outcome =
          descend(*trial.problem, trial_words(std::string(info.name)), trial.descent);
      EXPECT_TRUE(outcome.met) << trial.name << " " << info.name << " gap " << outcome.last;
      // The low-pass memory is slow by design.
      const double factor = info.feedback == "lowpass" ? 2 * kFactor : kFactor;
      EXPECT_LE(outcome.steps, factor * dense.steps) << trial.name << " " << info.name;
    }
  }
}

TEST(Convergence, EveryFeedbackThatKeepsWhatItDidNotSendLetsTopKReachIt) {
  const Trial trial = std::move(trials()[0]);
  const Outcome dense = descend(*trial.problem, trial_words("none"), trial.descent);
  for (const FeedbackInfo& info : feedbacks()) {
    if (info.name == "none" || info.name == "signum") continue;
    const Outcome outcome =
        descend(*trial.problem, trial_words("topk", std::string(info.name)), trial.descent);
    EXPECT_TRUE(outcome.met) << info.name << " gap " << outcome.last;
    EXPECT_LE(outcome.steps, 2 * kFactor * dense.steps) << info.name;
  }
}

TEST(Convergence, TopKWithoutMemoryStopsFarFromIt) {
  const Trial trial = std::move(trials()[0]);
  const Outcome outcome = descend(*trial.problem, trial_words("topk", "none"), trial.descent);
  EXPECT_FALSE(outcome.met);
  EXPECT_GT(outcome.best, 3 * trial.descent.target);
}

TEST(Convergence, TopKWithoutMemoryMovesAwayWhereItIsBuiltTo) {
  const auto trap = make_topk_trap();
  const auto run = [&](const char* feedback) {
    CompressionOptions words = trial_words("topk", feedback);
    words.density = 1.0 / 3;
    return descend(*trap, words, {.world = 3, .lr = 0.02f, .target = 1e-4, .most_steps = 2000});
  };
  const Outcome without = run("none");
  EXPECT_FALSE(without.met);
  EXPECT_GE(without.best, 1.0);
  EXPECT_FALSE(without.last < 1e6);
  EXPECT_TRUE(run("classic").met);
  EXPECT_TRUE(run("ef21").met);
}

TEST(Convergence, TheSignAloneStaysOnItsLine) {
  if (!exists("signsgd") || !exists("ef_sign"))
    GTEST_SKIP() << "this build has no signsgd or ef_sign";
  const auto trap = make_sign_trap();
  const Descent descent{
      .world = 1, .lr = 0.1f, .falling = true, .target = 0.05, .most_steps = 4000};
  EXPECT_GT(descend(*trap, trial_words("signsgd"), descent).best, 0.99);
  EXPECT_TRUE(descend(*trap, trial_words("ef_sign"), descent).met);
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
