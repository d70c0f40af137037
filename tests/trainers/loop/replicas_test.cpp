// What ranks compare, average and agree on between steps.
#include "terse/trainers/loop/replicas.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>

#include "terse/comm/transport/collectives.h"
#include "terse/trainers/loop/evaluate.h"
#include "terse/trainers/loop/job_parts.h"
#include "trainers/training.h"

namespace terse::test {
namespace {

std::shared_ptr<Model> make(const std::string& name, const Dataset& data, std::uint64_t seed = 1) {
  Job job = small_job("");
  job.model.name = name;
  return make_model(model_options(job, data), seed);
}

const Dataset& colored() {
  static const Dataset data = make_images(16, 23, {3, 8, 8});
  return data;
}

TEST(Replicas, ThatAreEqualPass) {
  run_threads(4, [](CommThread& thread) { check_replicas(thread, *make("mlp", images()), 7); });
}

// The last bit of one element, whichever rank and layer it is of.
TEST(Replicas, OneChangedBitIsNamedWithRankAndLayerOnAllRanks) {
  for (const int culprit : {0, 1, 3}) {
    for (const std::string layer : {"fc1.weight", "fc3.bias"}) {
      const auto endings = endings_of(4, [&](CommThread& thread) {
        const auto model = make("mlp", images());
        if (thread.rank() == culprit) {
          float& value = model->named_parameters()[layer].data_ptr<float>()[3];
          value = std::nextafter(value, 9.0f);
        }
        check_replicas(thread, *model, 7);
      });
      for (const Ending& ending : endings) {
        EXPECT_TRUE(ending.on_all_ranks);
        // Where rank 0 is the odd one, the first that differs from it is named.
        expect_words(ending.sentence, {"step 7", fmt::format("layer {} of rank {} differs", layer,
                                                             std::max(culprit, 1))});
      }
    }
  }
}

TEST(Replicas, TheHashIsOfNamesAndBitsOfParametersAlone) {
  const auto model = make("resnet20", colored());
  const std::uint64_t hash = parameter_hash(*model);
  EXPECT_EQ(parameter_hash(*make("resnet20", colored())), hash);
  EXPECT_NE(parameter_hash(*make("resnet20", colored(), 2)), hash);
  const at::NoGradGuard guard;
  model->named_buffers()["bn1.running_mean"].fill_(3);
  EXPECT_EQ(parameter_hash(*model), hash);
  float& value = model->named_parameters()["bn1.bias"].data_ptr<float>()[0];
  value = std::nextafter(value, 9.0f);
  EXPECT_NE(parameter_hash(*model), hash);
}

TEST(Buffers, AreTheMeanOverRanksOnlyWhileItIsWanted) {
  for (const int world : {1, 2, 4}) {
    run_threads(world, [&](CommThread& thread) {
      const at::NoGradGuard guard;
      const auto model = make("resnet20", colored());
      const at::Tensor mean = model->named_buffers()["bn1.running_mean"];
      const at::Tensor var = model->named_buffers()["layer3.2.bn2.running_var"];
      mean.fill_(1 + thread.rank());
      var.fill_(8 >> thread.rank());
      {
        const ScopedBufferAverage averaged(thread, *model);
        const double sum = world * (world + 1) / 2.0;
        EXPECT_TRUE(mean.equal(at::full_like(mean, sum / world)));
        EXPECT_TRUE(var.equal(at::full_like(var, (16 - (16 >> world)) / double(world))));
      }
      EXPECT_TRUE(mean.equal(at::full_like(mean, 1 + thread.rank())));
      EXPECT_TRUE(var.equal(at::full_like(var, 8 >> thread.rank())));
    });
  }
}

TEST(Evaluation, GivesTheSameScoreInEveryWorld) {
  for (const auto& workload : {std::pair("mlp", &images()), std::pair("resnet20", &colored())}) {
    const char* const name = workload.first;
    const Dataset* const data = workload.second;
    EvalResult alone;
    run_threads(1, [&](CommThread& thread) {
      at::set_num_threads(1);
      alone = evaluate(*make(name, *data), *data, thread, true);
    });
    EXPECT_GT(alone.loss, 0.1) << name;
    for (const int world : {2, 3, 4, 7}) {
      std::vector<EvalResult> scores(static_cast<std::size_t>(world));
      run_threads(world, [&](CommThread& thread) {
        at::set_num_threads(1);
        const auto model = make(name, *data);
        {
          // What BatchNorm saw on each rank differs, and its mean over ranks is what `alone` has.
          const at::NoGradGuard guard;
          for (const auto& item : model->named_buffers())
            item.value().add_(0.1 * (thread.rank() - (world - 1) / 2.0));
        }
        scores[static_cast<std::size_t>(thread.rank())] = evaluate(*model, *data, thread, true);
        EXPECT_TRUE(model->is_training());
      });
      for (const EvalResult& score : scores) {
        EXPECT_EQ(score.accuracy, alone.accuracy) << name << " on " << world;
        EXPECT_TRUE(std::abs(score.loss - alone.loss) <= 1e-6 * alone.loss) << name << " " << world;
        EXPECT_EQ(score.loss, scores[0].loss) << name << " on " << world;
      }
    }
  }
}

TEST(Evaluation, IsWhatItSays) {
  run_threads(2, [](CommThread& thread) {
    at::set_num_threads(1);
    Dataset data = make_images(4, 5);
    const auto model = make("mlp", data);
    {
      const at::NoGradGuard guard;
      for (at::Tensor& parameter : model->parameters()) parameter.zero_();
      model->named_parameters()["fc3.bias"][2] = std::log(3.0);
    }
    // Labels 0 1 2 3 0 against a model that always says class 2, with odds of 3 to 1 to 1 to 1.
    const EvalResult score = evaluate(*model, data, thread, true);
    EXPECT_TRUE(std::abs(score.accuracy - 0.2) <= 1e-12) << score.accuracy;
    EXPECT_TRUE(std::abs(score.loss - (std::log(6.0) - std::log(3.0) / 5)) <= 1e-6) << score.loss;
  });
}

TEST(Agree, TheLowestRanksErrorIsEveryonesWithItsKind) {
  const auto endings = endings_of(4, [](CommThread& thread) {
    all_or_throw(thread, [&] {
      if (thread.rank() == 2) fail<JobError>("two is wrong");
      if (thread.rank() == 3) fail("three failed");
    });
  });
  for (const Ending& ending : endings) {
    EXPECT_EQ(ending.sentence, "rank 2: two is wrong");
    EXPECT_TRUE(ending.wrong_job);
    EXPECT_TRUE(ending.on_all_ranks);
  }
  for (const Ending& ending : endings_of(3, [](CommThread& thread) {
         all_or_throw(thread, [&] {
           if (thread.rank() == 1) throw std::bad_alloc();
         });
       })) {
    expect_words(ending.sentence, {"rank 1: ", "bad_alloc"});
    EXPECT_FALSE(ending.wrong_job);
  }
}

TEST(Agree, ARankThatIsAloneIsNotNumbered) {
  const Ending ending =
      endings_of(1, [](CommThread& thread) { all_or_throw(thread, [] { fail("it failed"); }); })[0];
  EXPECT_EQ(ending.sentence, "it failed");
}

TEST(Agree, WithoutAnErrorTheWorldGoesOn) {
  std::atomic<int> ran{0};
  run_threads(3, [&](CommThread& thread) {
    all_or_throw(thread, [&] { ++ran; });
    EXPECT_EQ(gather_text(thread, std::string(static_cast<std::size_t>(thread.rank()), 'x')),
              (std::vector<std::string>{"", "x", "xx"}));
    const std::vector<double> sums =
        sum_values(thread, std::array{1.0 + thread.rank(), 0.5 * thread.rank()});
    EXPECT_EQ(sums, (std::vector<double>{6, 1.5}));
  });
  EXPECT_EQ(ran, 3);
}

}  // namespace
}  // namespace terse::test
