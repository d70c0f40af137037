// The optimizers against torch's own, and against their definition where torch has none.
#include "terse/trainers/optimizer/optimizer.h"

#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include "terse/base/random.h"
#include "trainers/training.h"

namespace terse::test {
namespace {

constexpr int kSteps = 12;
constexpr std::size_t kSize = 300;
constexpr double kRounding = 2e-6;

double rate_of(int step) { return 0.05 / (1 + step % 3); }

float draw(std::string_view purpose, std::uint64_t number, std::size_t i) {
  return RandomStream(5, purpose, number).normal(i);
}

// Two parameters, the second kept elsewhere if so wanted.
struct Subject {
  explicit Subject(const OptimizerJob& job, bool elsewhere = false) {
    for (std::size_t p = 0; p < 2; ++p) {
      for (std::size_t i = 0; i < kSize; ++i) values[p].push_back(draw("value", p, i));
      gradients[p].assign(kSize, 0);
    }
    optimizer = make_optimizer(
        job,
        {{.name = "a", .value = values[0], .grad = gradients[0]},
         {.name = "b", .value = values[1], .grad = gradients[1], .momentum_elsewhere = elsewhere}});
  }
  void step(int number, float grad_scale = 1, float factor = 1) {
    for (std::size_t p = 0; p < 2; ++p) {
      for (std::size_t i = 0; i < kSize; ++i)
        gradients[p][i] = factor * draw("gradient", 2 * static_cast<std::uint64_t>(number) + p, i);
    }
    optimizer->step(rate_of(number), grad_scale);
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    optimizer->visit([&](const std::string& name, std::span<float>) { names.push_back(name); });
    return names;
  }
  std::array<std::vector<float>, 2> values, gradients;
  std::unique_ptr<Optimizer> optimizer;
};

template <class TorchOptimizer, class Options>
void expect_as_torch(const OptimizerJob& job, const Options& options, const std::string& what) {
  Subject subject(job);
  std::vector<at::Tensor> parameters;
  for (const std::vector<float>& values : subject.values)
    parameters.push_back(at::tensor(values).set_requires_grad(true));
  TorchOptimizer torchs(parameters, options);
  for (int step = 0; step < kSteps; ++step) {
    subject.step(step);
    for (std::size_t p = 0; p < 2; ++p)
      parameters[p].mutable_grad() = at::tensor(subject.gradients[p]);
    static_cast<Options&>(torchs.param_groups()[0].options()).lr(rate_of(step));
    torchs.step();
  }
  for (std::size_t p = 0; p < 2; ++p) {
    const at::Tensor expected = parameters[p].detach();
    expect_near(subject.values[p], {expected.data_ptr<float>(), kSize}, kRounding, what);
    EXPECT_GT(std::abs(subject.values[p][0] - draw("value", p, 0)), 1e-3) << what;
  }
}

TEST(Sgd, IsTorchsOwnWithAndWithoutMomentumNesterovAndDecay) {
  for (const double momentum : {0.0, 0.9}) {
    for (const bool nesterov : {false, true}) {
      if (nesterov && momentum == 0) continue;  // torch refuses it
      for (const double decay : {0.0, 0.01}) {
        expect_as_torch<torch::optim::SGD>(
            {.momentum = momentum, .nesterov = nesterov, .weight_decay = decay},
            torch::optim::SGDOptions(1).momentum(momentum).nesterov(nesterov).weight_decay(decay),
            fmt::format("momentum {} nesterov {} decay {}", momentum, nesterov, decay));
      }
    }
  }
}

TEST(AdamW, IsTorchsOwn) {
  for (const double decay : {0.0, 0.05}) {
    expect_as_torch<torch::optim::AdamW>(
        {.name = "adamw", .weight_decay = decay, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6},
        torch::optim::AdamWOptions(1).weight_decay(decay).betas({0.8, 0.95}).eps(1e-6),
        fmt::format("decay {}", decay));
  }
}

// p -= lr (g + d), with d the decay's own momentum; the gradient comes with its momentum in it.
TEST(Sgd, WhereMomentumIsKeptElsewhereOnlyTheDecayHasOneHere) {
  for (const bool nesterov : {false, true}) {
    const OptimizerJob job{.momentum = 0.9, .nesterov = nesterov, .weight_decay = 0.1};
    Subject subject(job, true), everywhere(job);
    std::vector<double> value(subject.values[1].begin(), subject.values[1].end());
    std::vector<double> decay(kSize, 0.0);
    for (int step = 0; step < kSteps; ++step) {
      subject.step(step, 0.5f);
      everywhere.step(step, 0.5f);
      for (std::size_t i = 0; i < kSize; ++i) {
        const double pull = 0.1 * value[i];
        decay[i] = 0.9 * decay[i] + pull;
        value[i] -= rate_of(step) * (0.5 * static_cast<double>(subject.gradients[1][i]) +
                                     (nesterov ? pull + 0.9 * decay[i] : decay[i]));
      }
    }
    expect_near(subject.values[1], std::vector<float>(value.begin(), value.end()), kRounding,
                nesterov ? "nesterov" : "plain");
    expect_near(subject.values[0], everywhere.values[0], 0, "the other parameter");
  }
}

TEST(Sgd, RemembersOnlyWhatItNeeds) {
  EXPECT_EQ(Subject({.momentum = 0}).names(), std::vector<std::string>{});
  EXPECT_EQ(Subject({.momentum = 0.9}).names(),
            (std::vector<std::string>{"momentum/a", "momentum/b"}));
  EXPECT_EQ(Subject({.momentum = 0.9}, true).names(), std::vector<std::string>{"momentum/a"});
  EXPECT_EQ(Subject({.momentum = 0.9, .weight_decay = 0.1}, true).names(),
            (std::vector<std::string>{"momentum/a", "momentum/b"}));
}

TEST(Optimizer, ScalesTheGradientAndNothingElse) {
  for (const OptimizerJob& job : {OptimizerJob{.momentum = 0.9, .weight_decay = 0.1},
                                  OptimizerJob{.name = "adamw", .weight_decay = 0.1}}) {
    for (const bool elsewhere : {false, true}) {
      Subject scaled(job, elsewhere), halved(job, elsewhere);
      for (int step = 0; step < kSteps; ++step) {
        scaled.step(step, 0.5f);
        halved.step(step, 1, 0.5f);  // exact in binary: equal to the bit
      }
      for (std::size_t p = 0; p < 2; ++p)
        expect_near(scaled.values[p], halved.values[p], 0, job.name);
    }
  }
}

TEST(AdamW, GoesOnFromWhatItVisitedAndItsStepCount) {
  const OptimizerJob job{.name = "adamw"};
  Subject whole(job), first(job), second(job);
  for (int step = 0; step < kSteps; ++step) whole.step(step);
  for (int step = 0; step < 5; ++step) first.step(step);
  std::map<std::string, std::vector<float>> kept;
  first.optimizer->visit([&](const std::string& name, std::span<float> values) {
    kept[name].assign(values.begin(), values.end());
  });
  EXPECT_EQ(kept.size(), 4u);
  for (std::size_t p = 0; p < 2; ++p)
    std::copy(first.values[p].begin(), first.values[p].end(), second.values[p].begin());
  second.optimizer->visit([&](const std::string& name, std::span<float> values) {
    std::copy(kept.at(name).begin(), kept.at(name).end(), values.begin());
  });
  second.optimizer->set_steps(5);
  for (int step = 5; step < kSteps; ++step) second.step(step);
  for (std::size_t p = 0; p < 2; ++p) expect_near(second.values[p], whole.values[p], 0, "adamw");
}

}  // namespace
}  // namespace terse::test
