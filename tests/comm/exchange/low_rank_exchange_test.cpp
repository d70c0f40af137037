#include "terse/comm/exchange/low_rank_exchange.h"

#include <gtest/gtest.h>

#include <map>

#include "comm/exchange/low_rank_reference.h"
#include "comm/transport/run_threads.h"
#include "terse/base/error.h"
#include "terse/comm/reducer/make_plan.h"

namespace terse::test {
namespace {

CompressionOptions low_rank_words(int rank, bool alternating,
                                  const std::string& feedback = "default") {
  CompressionOptions words;
  words.codec.name = "powersgd";
  words.codec.alternating = alternating;
  words.rank = rank;
  words.feedback = feedback;
  return words;
}

std::unique_ptr<Reducer> make_reducer(const Model& model, CommThread& thread,
                                      const CompressionOptions& words, bool may_skip = false) {
  return std::make_unique<Reducer>(model.layers, thread,
                                   make_plan(model.layers, words, 0, thread.size()),
                                   ReducerOptions{.seed = kSeed, .may_skip = may_skip, .depth = 2});
}

StepReport step(Reducer& reducer, int number) {
  reducer.begin(static_cast<std::uint64_t>(number));
  return reducer.finish();
}

class LowRankWorlds : public testing::TestWithParam<int> {};

TEST_P(LowRankWorlds, IsThePlainReferenceAndTheSameBitsOnAllRanks) {
  for (const bool alternating : {false, true}) {
    run_threads(GetParam(), [&](CommThread& thread) {
      Model model = make_matrices();
      const auto reducer = make_reducer(model, thread, low_rank_words(3, alternating));
      std::map<std::size_t, Reference> references;
      for (const std::size_t l : kMatrices)
        references.try_emplace(l, model.layers[l], l, 3, thread.size(), alternating);
      for (int number = 0; number < 5; ++number) {
        fill(model, thread.rank(), number);
        EXPECT_FALSE(step(*reducer, number).nonfinite);
        for (auto& [l, reference] : references) {
          const Doubles mean = reference.step(number);
          const auto kept = reducer->state().slot(model.layers[l], "residual").values();
          for (std::size_t i = 0; i < mean.size(); ++i) {
            ASSERT_TRUE(std::abs(model.layers[l].grad[i] - mean[i]) < 2e-6)
                << model.layers[l].name << " step " << number << " element " << i;
            ASSERT_TRUE(std::abs(kept[i] - reference.residual(thread.rank())[i]) < 2e-6)
                << model.layers[l].name << " step " << number << " element " << i;
          }
        }
        const std::uint64_t sum = hash64(std::as_bytes(model.arena.values()));
        std::vector<std::string> all;
        thread.call([&](Communicator& communicator) {
          all = all_gather(communicator, std::to_string(sum));
        });
        for (const std::string& other : all) EXPECT_EQ(other, all[0]);
      }
    });
  }
}

TEST_P(LowRankWorlds, AppliedAndKeptIsWhatCameIn) {
  for (const bool alternating : {false, true}) {
    run_threads(GetParam(), [&](CommThread& thread) {
      Model model = make_matrices();
      const auto reducer = make_reducer(model, thread, low_rank_words(2, alternating), true);
      const Layer& layer = model.layers[2];
      Doubles balance(layer.size, 0.0);
      for (int number = 0; number < 4; ++number) {
        fill(model, thread.rank(), number);
        for (int rank = 0; rank < thread.size(); ++rank) {
          for (std::size_t i = 0; i < layer.size; ++i) balance[i] += gradient(rank, number, 2, i);
        }
        step(*reducer, number);
        for (std::size_t i = 0; i < layer.size; ++i)
          balance[i] -= static_cast<double>(layer.grad[i]) * thread.size();
      }
      const auto kept = reducer->state().slot(layer, "residual").values();
      std::vector<std::vector<std::byte>> all;
      thread.call(
          [&](Communicator& communicator) { all = all_gather(communicator, std::as_bytes(kept)); });
      for (std::size_t i = 0; i < layer.size; ++i) {
        for (const auto& bytes : all) balance[i] -= load<float>(bytes.data() + 4 * i);
        ASSERT_TRUE(std::abs(balance[i]) < 4e-6) << i << ": " << balance[i];
      }
    });
  }
}

// Of a message between two of N ranks, a share of 1/N of P or Q: what all send together is
// 2 (N - 1) times 4 r (n + m), and the heads.
TEST_P(LowRankWorlds, SendsWhatThePaperSays) {
  for (const bool alternating : {false, true}) {
    run_threads(GetParam(), [&](CommThread& thread) {
      Model model = make_matrices();
      const CompressionOptions words = low_rank_words(3, alternating);
      const Plan plan = make_plan(model.layers, words, 0, thread.size());
      const auto exchange = make_exchange(plan.schemes.back().codec);
      const std::size_t world = static_cast<std::size_t>(thread.size());
      EXPECT_EQ(exchange->rounds(thread.size(), 0), world == 1 ? 0 : alternating ? 2 : 4);
      const auto reducer = make_reducer(model, thread, words);
      fill(model, thread.rank(), 0);
      const std::uint64_t sent = step(*reducer, 0).bytes_sent;
      const std::size_t promised = step_bytes(model.layers, plan, thread.rank(), thread.size());
      if (!alternating) {
        EXPECT_EQ(sent, promised);
      } else {
        EXPECT_LE(sent, promised);
      }
      std::vector<std::string> all;
      thread.call([&](Communicator& communicator) {
        all = all_gather(communicator, std::to_string(sent));
      });
      std::size_t together = 0, vectors = 50;
      for (const std::string& one : all) together += std::stoul(one);
      for (const std::size_t l : kMatrices)
        vectors += 3 * (model.layers[l].rows +
                        (alternating ? 0 : model.layers[l].size / model.layers[l].rows));
      const std::size_t payload = 2 * (world - 1) * 4 * vectors;
      EXPECT_GE(together, payload);
      EXPECT_LE(together, payload + 2 * world * (world - 1) * 8 * (40 + 4 * 12));
    });
  }
}

TEST_P(LowRankWorlds, ASkippedStepLeavesNoTrace) {
  for (const bool alternating : {false, true}) {
    run_threads(GetParam(), [&](CommThread& thread) {
      const auto run = [&](bool with_bad_step) {
        Model model = make_matrices();
        const auto reducer = make_reducer(model, thread, low_rank_words(3, alternating), true);
        for (int number = 0; number < 5; ++number) {
          const bool bad = number == 2;
          if (bad && !with_bad_step) continue;
          fill(model, thread.rank(), number);
          if (bad && thread.rank() == thread.size() - 1)
            model.layers[2].grad[70] = std::numeric_limits<float>::infinity();
          const StepReport report = step(*reducer, number);
          EXPECT_EQ(report.nonfinite, bad);
          if (bad && thread.rank() == thread.size() - 1) {
            EXPECT_EQ(report.layer, "tall");
          }
        }
        std::uint64_t sum = hash64(std::as_bytes(model.arena.values()));
        reducer->state().visit([&](const std::string& name, std::span<float> values) {
          sum = combine(sum, hash64(name), hash64(std::as_bytes(values)));
        });
        return sum;
      };
      EXPECT_EQ(run(true), run(false));
    });
  }
}

TEST_P(LowRankWorlds, GoesOnToTheBitFromWhatTheStateHolds) {
  for (const bool alternating : {false, true}) {
    run_threads(GetParam(), [&](CommThread& thread) {
      Model model = make_matrices();
      const auto straight = make_reducer(model, thread, low_rank_words(3, alternating));
      std::map<std::string, std::vector<float>> saved;
      const auto save = [&](const std::string& name, std::span<float> values) {
        saved[name].assign(values.begin(), values.end());
      };
      for (int number = 0; number < 5; ++number) {
        if (number == 3) straight->state().visit(save);
        fill(model, thread.rank(), number);
        step(*straight, number);
      }
      const std::uint64_t wanted = hash64(std::as_bytes(model.arena.values()));
      EXPECT_TRUE(saved.contains("basis/tall"));
      const auto resumed = make_reducer(model, thread, low_rank_words(3, alternating));
      resumed->state().visit([&](const std::string& name, std::span<float> values) {
        ASSERT_EQ(saved.at(name).size(), values.size());
        std::copy(saved[name].begin(), saved[name].end(), values.begin());
      });
      for (int number = 3; number < 5; ++number) {
        fill(model, thread.rank(), number);
        step(*resumed, number);
      }
      EXPECT_EQ(hash64(std::as_bytes(model.arena.values())), wanted);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(OneToEight, LowRankWorlds, testing::ValuesIn(worlds_up_to(8)));

// A matrix of rank 3, the same on all ranks.
void fill_rank_three(Model& model) {
  for (const std::size_t l : kMatrices) {
    const Layer& layer = model.layers[l];
    const std::size_t n1 = layer.size / layer.rows;
    for (std::size_t at = 0; at < layer.size; ++at) {
      float x = 0;
      for (int k = 0; k < 3; ++k) x += gradient(k, 7, l, at / n1) * gradient(k, 8, l, at % n1);
      layer.grad[at] = 100 * x;
    }
  }
}

TEST(LowRankExchange, AMatrixOfTheRankIsExactAtOnceOrAfterAWarmStart) {
  for (const bool alternating : {false, true}) {
    run_threads(2, [&](CommThread& thread) {
      Model model = make_matrices();
      const auto reducer = make_reducer(model, thread, low_rank_words(3, alternating, "none"));
      for (int number = 0; number < 3; ++number) {
        fill_rank_three(model);
        step(*reducer, number);
      }
      Model wanted = make_matrices();
      fill_rank_three(wanted);
      for (const std::size_t l : kMatrices) {
        for (std::size_t i = 0; i < wanted.layers[l].size; ++i)
          ASSERT_TRUE(std::abs(model.layers[l].grad[i] - wanted.layers[l].grad[i]) < 1e-5)
              << alternating << " " << model.layers[l].name << " " << i;
      }
    });
  }
}

// On one matrix for ever, what was applied is T times the matrix less the residual, and that stays
// bounded: the mean of what was applied comes nearer by 1 / T.
TEST(LowRankExchange, ErrorFeedbackBringsTheWholeMatrix) {
  for (const bool alternating : {false, true}) {
    run_threads(2, [&](CommThread& thread) {
      Model model = make_matrices();
      const auto reducer = make_reducer(model, thread, low_rank_words(2, alternating));
      const Layer& layer = model.layers[3];
      Doubles applied(layer.size, 0.0);
      const auto distance = [&](int steps) {
        double left = 0, size = 0;
        for (std::size_t i = 0; i < layer.size; ++i) {
          const double x = 0.5 * gradient(0, 0, 3, i) + 0.5 * gradient(1, 0, 3, i);
          left += (applied[i] / steps - x) * (applied[i] / steps - x);
          size += x * x;
        }
        return std::sqrt(left / size);
      };
      double early = 0;
      for (int number = 0; number < 400; ++number) {
        fill(model, thread.rank(), 0);
        step(*reducer, number);
        for (std::size_t i = 0; i < layer.size; ++i) applied[i] += layer.grad[i];
        if (number == 99) early = distance(100);
      }
      EXPECT_TRUE(distance(400) < 0.1) << distance(400);
      EXPECT_TRUE(distance(400) < 0.5 * early) << distance(400) << " after " << early;
    });
  }
}

TEST(LowRankExchange, AZeroGradientIsZeroAndNotTheEnd) {
  for (const bool alternating : {false, true}) {
    run_threads(3, [&](CommThread& thread) {
      Model model = make_matrices();
      const auto reducer = make_reducer(model, thread, low_rank_words(2, alternating));
      for (int number = 0; number < 3; ++number) {
        std::fill(model.arena.values().begin(), model.arena.values().end(), 0.0f);
        EXPECT_FALSE(step(*reducer, number).nonfinite);
        for (const float x : model.arena.values()) ASSERT_EQ(x, 0.0f);
      }
      fill(model, thread.rank(), 3);
      step(*reducer, 3);
      double size = 0;
      for (std::size_t i = 0; i < model.layers[2].size; ++i)
        size += std::abs(static_cast<double>(model.layers[2].grad[i]));
      EXPECT_TRUE(size > 0) << size;
    });
  }
}

TEST(LowRankExchange, ANewRankStartsItsBasisAnewAndKeepsTheResidual) {
  run_threads(2, [](CommThread& thread) {
    Model model = make_matrices();
    const auto reducer = make_reducer(model, thread, low_rank_words(3, false));
    fill(model, thread.rank(), 0);
    step(*reducer, 0);
    const auto kept = reducer->state().slot(model.layers[2], "residual").values();
    const std::vector<float> before(kept.begin(), kept.end());
    reducer->adopt(make_plan(model.layers, low_rank_words(2, false), 0, 2));
    EXPECT_EQ(reducer->state().slot(model.layers[2], "basis", 2 * 33).values().size(), 66u);
    EXPECT_TRUE(std::equal(before.begin(), before.end(), kept.begin()));
    fill(model, thread.rank(), 1);
    EXPECT_FALSE(step(*reducer, 1).nonfinite);
  });
}

TEST(LowRankExchange, RefusesWhatCannotWork) {
  Model model = make_matrices();
  for (const int rank : {-1, 0, 62, 5000})
    EXPECT_THROW(make_plan(model.layers, low_rank_words(rank, false), 0, 2), JobError) << rank;
  const Plan plan = make_plan(model.layers, low_rank_words(3, false), 0, 2);
  EXPECT_EQ(plan.assignments[1].scheme, 0);
  for (const std::size_t l : kMatrices) EXPECT_EQ(plan.assignments[l].scheme, 1) << l;
  // A rank that does not pay: 24 x 310 at 12 is more than half.
  EXPECT_EQ(make_plan(model.layers, low_rank_words(12, false), 0, 2).assignments[0].scheme, 0);
  EXPECT_NE(plan.hash(), make_plan(model.layers, low_rank_words(3, true), 0, 2).hash());

  CompressorState state(false);
  const GroupSpec vector{.scheme = 1, .pieces = {{1, 0, 50}}}, part{1, {{0, 0, 310}}};
  for (const GroupSpec& spec : {vector, part}) {
    EXPECT_THROW(make_exchange(plan.schemes[1].codec)
                     ->build({model.layers, plan, spec, 0, 2, &state, nullptr}),
                 JobError);
  }
}

}  // namespace
}  // namespace terse::test
