#include "terse/comm/reducer/reducer.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <mutex>
#include <thread>

#include "comm/reducer/reducer_bodies.h"
#include "comm/transport/run_threads.h"
#include "terse/base/error.h"
#include "terse/comm/transport/threads/thread_world.h"

namespace terse::test {
namespace {

class Worlds : public testing::TestWithParam<int> {};

TEST_P(Worlds, DenseIsTheSumInRankOrderToTheBit) {
  run_threads(GetParam(), [](CommThread& thread) { check_dense(thread); });
}

TEST_P(Worlds, EveryCodecGivesAllRanksTheSameBits) {
  for (const std::string& codec : all_codecs()) {
    run_threads(GetParam(), [&](CommThread& thread) { run_steps(thread, words_for(codec)); });
  }
}

TEST_P(Worlds, AppliedAndKeptIsWhatCameIn) {
  for (const char* codec : {"fp16", "bf16", "fp8", "maxmin", "qsgd", "natural", "terngrad",
                            "ef_sign", "onebit", "topk"}) {
    run_threads(GetParam(), [&](CommThread& thread) {
      check_conservation(thread, words_for(codec, "classic"), false);
    });
  }
  for (const char* codec : {"maxmin", "terngrad", "ef_sign"}) {
    run_threads(GetParam(), [&](CommThread& thread) {
      check_conservation(thread, words_for(codec, "classic"), true);
    });
  }
}

TEST_P(Worlds, TheMajorityOfSignsDecides) {
  run_threads(GetParam(), [](CommThread& thread) { check_votes(thread); });
}

TEST_P(Worlds, TernarySumsAreWholeNumbersOfTheSharedScale) {
  run_threads(GetParam(), [](CommThread& thread) { check_ternary(thread); });
}

TEST_P(Worlds, ASkippedStepLeavesNoTrace) {
  for (const std::string& codec : all_codecs()) {
    run_threads(GetParam(), [&](CommThread& thread) { check_nonfinite(thread, words_for(codec)); });
  }
  std::vector<CompressionOptions> others = {
      words_for("maxmin", "classic"), words_for("maxmin", "ef21"), words_for("terngrad", "classic"),
      words_for("gtopk", "classic"), words_for("powersgd")};
  others.back().codec.alternating = true;
  for (const char* codec : {"randomk", "scalecom"}) {
    others.push_back(words_for(codec, "classic"));
    others.back().codec.values = "maxmin4";
  }
  for (const CompressionOptions& words : others)
    run_threads(GetParam(), [&](CommThread& thread) { check_nonfinite(thread, words); });
}

TEST_P(Worlds, TheWishToStopArrivesInOneStep) {
  run_threads(GetParam(), [](CommThread& thread) { check_stop(thread); });
}

TEST_P(Worlds, BytesAreWhatWasPromised) {
  for (const std::string& codec : all_codecs()) {
    run_threads(GetParam(), [&](CommThread& thread) { check_bytes(thread, words_for(codec)); });
  }
}

INSTANTIATE_TEST_SUITE_P(OneToEight, Worlds, testing::ValuesIn(worlds_up_to(8)));

TEST(Reducer, NamesTheLayerOfANaN) {
  run_threads(3, [](CommThread& thread) {
    Model model = make_layers();
    Reducer reducer(model.layers, thread, make_plan(model.layers, words_for("topk"), 0, 3), {});
    fill(model, thread.rank(), 0);
    if (thread.rank() == 1) model.layers[4].grad[5] = std::numeric_limits<float>::infinity();
    reducer.begin(0);
    const StepReport report = reducer.finish();
    EXPECT_TRUE(report.nonfinite);
    EXPECT_EQ(report.origin, 1);
    EXPECT_EQ(report.layer, thread.rank() == 1 ? "big.weight" : "");
  });
}

TEST(Reducer, GlobalClippingScalesByTheLocalNorm) {
  run_threads(4, [](CommThread& thread) {
    Model model = make_layers();
    CompressionOptions words = words_for("dgc");
    words.density = 1;
    words.clip_norm = 0.5;
    words.clip_global = true;
    words.momentum = 0;
    Reducer reducer(model.layers, thread, make_plan(model.layers, words, 0, 4), {});
    fill(model, thread.rank(), 0);
    reducer.begin(0);
    reducer.finish();
    std::array<double, 4> factor{};
    for (int rank = 0; rank < 4; ++rank) {
      double squares = 0;
      for (std::size_t l = 0; l < model.layers.size(); ++l) {
        for (std::size_t i = 0; i < model.layers[l].size; ++i)
          squares += std::pow(gradient(rank, 0, l, i), 2);
      }
      factor[static_cast<std::size_t>(rank)] =
          std::min(1.0, 0.5 / std::sqrt(4.0) / std::sqrt(squares));
      ASSERT_LT(factor[static_cast<std::size_t>(rank)], 0.1);
    }
    // What was not sent (a threshold can leave the smallest behind) is kept.
    const std::span<float> kept = reducer.state().slot(model.layers[4], "residual").values();
    std::vector<std::vector<std::byte>> all;
    thread.call(
        [&](Communicator& communicator) { all = all_gather(communicator, std::as_bytes(kept)); });
    for (std::size_t i = 0; i < kept.size(); ++i) {
      for (const auto& bytes : all)
        model.layers[4].grad[i] += load<float>(bytes.data() + 4 * i) / 4;
    }
    for (const std::size_t l : {std::size_t{0}, std::size_t{4}, std::size_t{6}}) {
      for (std::size_t i = 0; i < model.layers[l].size; ++i) {
        double expected = 0;
        for (int rank = 0; rank < 4; ++rank)
          expected += factor[static_cast<std::size_t>(rank)] * gradient(rank, 0, l, i) / 4;
        ASSERT_TRUE(std::abs(model.layers[l].grad[i] - expected) < 1e-7)
            << model.layers[l].name << " " << i;
      }
    }
  });
}

TEST(Reducer, ANewPlanKeepsWhatWasRemembered) {
  run_threads(2, [](CommThread& thread) {
    Model model = make_layers();
    CompressionOptions words = words_for("topk");
    Reducer reducer(model.layers, thread, make_plan(model.layers, words, 0, 2), {});
    fill(model, thread.rank(), 0);
    reducer.begin(0);
    reducer.finish();
    const std::span<float> residual = reducer.state().slot(model.layers[4], "residual").values();
    const std::vector<float> before(residual.begin(), residual.end());
    words.density = 1;
    reducer.adopt(make_plan(model.layers, words, 0, 2));
    std::fill(model.arena.values().begin(), model.arena.values().end(), 0.0f);
    reducer.begin(1);
    reducer.finish();
    EXPECT_GT(std::count_if(before.begin(), before.end(), [](float e) { return e != 0; }), 60000);
    for (const float e : residual) ASSERT_EQ(e, 0);  // all of it has been sent
  });
}

// What each rank of a world says when one of them misbehaves.
std::vector<std::string> complaints(int world, const std::shared_ptr<ThreadHub>& hub,
                                    const std::function<void(CommThread&)>& rank_main) {
  std::vector<std::string> said(static_cast<std::size_t>(world));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world; ++rank) {
    threads.emplace_back([&, rank] {
      CommThread thread([&] { return join_world(hub, rank); });
      try {
        rank_main(thread);
      } catch (const std::exception& error) {
        said[static_cast<std::size_t>(rank)] = error.what();
        thread.abort(error.what());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return said;
}

void one_step(CommThread& thread, const CompressionOptions& words) {
  Model model = make_layers();
  Reducer reducer(model.layers, thread, make_plan(model.layers, words, 0, thread.size()), {});
  for (int step = 0; step < 2; ++step) {
    fill(model, thread.rank(), step);
    reducer.begin(static_cast<std::uint64_t>(step));
    reducer.finish();
  }
}

// A group is ready with its last gradient, however late its turn comes.
TEST(Reducer, AGroupIsReadyWithItsLastGradient) {
  run_threads(1, [](CommThread& thread) {
    Model model = make_layers();
    CompressionOptions words = words_for("fp16");
    words.group_bytes = 64 * 1024;
    const Plan plan = make_plan(model.layers, words, 0, 1);
    Reducer reducer(model.layers, thread, plan, {});
    const std::size_t layers = model.layers.size();
    std::vector<std::int64_t> earliest(layers), latest(layers);
    const auto since = [](Clock::time_point then) {
      return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - then).count();
    };
    for (std::uint64_t step = 0; step < 3; ++step) {
      const Clock::time_point before = Clock::now();
      reducer.begin(step);
      const Clock::time_point after = Clock::now();
      for (std::size_t l = layers; l-- > 0;) {  // against the order of turns
        earliest[l] = since(after);
        reducer.ready(l);
        latest[l] = since(before);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
      reducer.finish();
    }
    const std::vector<GroupSpec> groups = make_groups(model.layers, plan);
    ASSERT_EQ(reducer.timings().size(), groups.size());
    ASSERT_GT(groups.size(), 2u);
    for (std::size_t g = 0; g < groups.size(); ++g) {
      std::size_t last = layers;
      for (const Piece& piece : groups[g].pieces) last = std::min<std::size_t>(last, piece.layer);
      EXPECT_GE(reducer.timings()[g].ready_us, earliest[last]) << g;
      EXPECT_LE(reducer.timings()[g].ready_us, latest[last]) << g;
    }
  });
}

TEST(Reducer, ADamagedMessageNamesSenderLayerAndStep) {
  for (const std::size_t at :
       {std::size_t{3}, std::size_t{8}, std::size_t{30}, std::size_t{45}, std::size_t{1000}}) {
    const auto hub = make_thread_hub(3, {});
    std::atomic<bool> done{false};
    tamper_with(*hub, [&](int from, int to, Bytes segment) {
      // The size keeps control traffic out: heads here have 40 + 12 n bytes, bodies are larger.
      const bool fits =
          at < 52 ? segment.size() >= 52 && segment.size() < 200 : segment.size() > 4000;
      if (from == 2 && to == 0 && fits && !done.exchange(true)) segment[at] ^= std::byte{0x10};
    });
    const auto said =
        complaints(3, hub, [](CommThread& thread) { one_step(thread, words_for("maxmin")); });
    EXPECT_TRUE(done) << at;
    EXPECT_NE(said[0].find("rank 2"), std::string::npos) << at << ": " << said[0];
    EXPECT_NE(said[0].find("step 0"), std::string::npos) << at << ": " << said[0];
    EXPECT_NE(said[0].find("weight"), std::string::npos) << at << ": " << said[0];
    for (const int other : {1, 2})
      EXPECT_NE(said[static_cast<std::size_t>(other)].find("rank 0"), std::string::npos)
          << said[static_cast<std::size_t>(other)];
  }
}

TEST(Reducer, ARankWithAnotherPlanIsNamed) {
  const auto said = complaints(3, make_thread_hub(3, {}), [](CommThread& thread) {
    CompressionOptions words = words_for("maxmin");
    if (thread.rank() == 1)
      words.codec.stochastic = false, words.codec.bucket = 512, words.feedback = "classic";
    one_step(thread, words);
  });
  EXPECT_NE(said[0].find("rank 1"), std::string::npos) << said[0];
}

TEST(Reducer, AStepLeftUnfinishedEndsTheWorld) {
  const auto said = complaints(2, make_thread_hub(2, {}), [](CommThread& thread) {
    Model model = make_layers();
    Reducer reducer(model.layers, thread, make_plan(model.layers, words_for("none"), 0, 2), {});
    fill(model, thread.rank(), 0);
    reducer.begin(0);
    if (thread.rank() == 1) throw Error("the data ran out");
    reducer.finish();
  });
  EXPECT_NE(said[0].find("rank 1"), std::string::npos) << said[0];
  EXPECT_EQ(said[1], "the data ran out");
}

}  // namespace
}  // namespace terse::test
