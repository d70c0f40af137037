// What finish() leaves in every .grad(), and what travels for it.
#include <torch/optim/sgd.h>

#include <array>

#include "comm/torch/nets.h"

namespace terse::test {
namespace {

constexpr std::int64_t kBatch = 6;
constexpr std::array<const char*, 6> kCodecs = {"none", "fp16", "bf16", "maxmin", "topk", "dgc"};

std::uint64_t bytes_sent(CommThread& thread) { return thread.traffic().bytes_sent; }

class Worlds : public testing::TestWithParam<int> {};

TEST_P(Worlds, SmallBatchesOfAllRanksGiveTheGradientOfTheBigBatch) {
  run_threads(GetParam(), [](CommThread& thread) {
    at::set_num_threads(1);
    Net net, reference;
    GradientReducer reducer(net, thread, GradientReducerOptions());
    for (std::int64_t step = 0; step < 3; ++step) {
      reducer.prepare();
      loss_of(net, Samples(step, kBatch * thread.rank(), kBatch)).backward();
      const StepReport report = reducer.finish();
      EXPECT_FALSE(report.nonfinite);
      reference.zero_grad();
      loss_of(reference, Samples(step, 0, kBatch * thread.size())).backward();
      expect_near(gradients_of(net), gradients_of(reference), kRounding);
    }
  });
}

TEST_P(Worlds, MicroBatchesBeforeTheLastSendNothing) {
  run_threads(GetParam(), [](CommThread& thread) {
    at::set_num_threads(1);
    Net net, reference;
    GradientReducer reducer(net, thread, GradientReducerOptions());
    for (std::int64_t step = 0; step < 2; ++step) {
      const Traffic before = thread.traffic();
      for (std::int64_t micro = 0; micro < 2; ++micro) {
        reducer.prepare(false);
        loss_of(net, Samples(micro, kBatch * thread.rank(), kBatch)).backward();
        EXPECT_EQ(bytes_sent(thread), before.bytes_sent);
        EXPECT_EQ(thread.traffic().messages_sent, before.messages_sent);
      }
      reducer.prepare(true);
      loss_of(net, Samples(2, kBatch * thread.rank(), kBatch)).backward();
      const StepReport report = reducer.finish();
      EXPECT_EQ(bytes_sent(thread) - before.bytes_sent, report.bytes_sent);
      EXPECT_EQ(report.bytes_sent, reducer.planned_bytes());

      reference.zero_grad();
      for (std::int64_t micro = 0; micro < 3; ++micro)
        loss_of(reference, Samples(micro, 0, kBatch * thread.size())).backward();
      expect_near(gradients_of(net), gradients_of(reference), kRounding);
    }
  });
}

TEST_P(Worlds, AStepSendsWhatThePlanPromised) {
  for (const std::string codec : kCodecs) {
    run_threads(GetParam(), [&](CommThread& thread) {
      at::set_num_threads(1);
      Net net;
      GradientReducer reducer(net, thread, {.compression = codec_words(codec)});
      const std::size_t planned = reducer.planned_bytes(), dense = reducer.dense_bytes();
      EXPECT_EQ(dense == 0, thread.size() == 1);
      if (codec == "none" || thread.size() == 1) {
        EXPECT_EQ(planned, dense) << codec;
      } else if (codec != "dgc") {  // whose bound is far above what it sends
        EXPECT_LT(planned, dense) << codec;
      }
      const bool fixed = reducer.plan().schemes.back().codec->traits().fixed_size;
      for (std::int64_t step = 0; step < 5;
           ++step) {  // after the third the ranks agree on an order
        reducer.prepare();
        loss_of(net, Samples(step, kBatch * thread.rank(), kBatch)).backward();
        const std::uint64_t sent = reducer.finish().bytes_sent;
        EXPECT_TRUE(fixed ? sent == planned : sent <= planned && sent * 4 >= planned)
            << codec << " step " << step << ": " << sent << " of " << planned;
      }
    });
  }
}

TEST_P(Worlds, AModelTrainedWithTorchsOwnOptimizerStaysEqualOnAllRanks) {
  for (const std::string codec : kCodecs) {
    run_threads(GetParam(), [&](CommThread& thread) {
      at::set_num_threads(1);
      Net net;
      GradientReducer reducer(net, thread, {.compression = codec_words(codec)});
      torch::optim::SGD optimizer(net.parameters(), torch::optim::SGDOptions(0.1));
      double first = 0, last = 0;
      for (std::int64_t step = 0; step < 6; ++step) {
        reducer.prepare();
        const at::Tensor loss = loss_of(net, Samples(0, kBatch * thread.rank(), kBatch));
        loss.backward();
        reducer.finish();
        optimizer.step();
        (step == 0 ? first : last) = loss.item<double>();
      }
      EXPECT_LT(last, first) << codec;
      std::string mine;
      for (const at::Tensor& parameter : net.parameters()) {
        mine.append(static_cast<const char*>(parameter.data_ptr()), parameter.nbytes());
      }
      std::vector<std::string> all;
      thread.call([&](Communicator& communicator) { all = all_gather(communicator, mine); });
      for (std::size_t rank = 1; rank < all.size(); ++rank)
        EXPECT_TRUE(all[rank] == all[0]) << codec << ": rank " << rank << " differs";
    });
  }
}

INSTANTIATE_TEST_SUITE_P(OneToFour, Worlds, testing::Range(1, 5));

TEST(Mean, AParameterWithoutGradientInAStepContributesZeros) {
  run_threads(2, [](CommThread& thread) {
    at::set_num_threads(1);
    Net net, reference;
    GradientReducer reducer(net, thread, GradientReducerOptions());
    const Samples samples(0, 0, kBatch);
    const auto hidden = [&](Net& of) { return of.fc1(samples.images).sum(); };
    for (int step = 0; step < 2; ++step) {
      reducer.prepare();
      hidden(net).backward();
      if (thread.rank() == 0) net.fc2(at::ones({1, 32})).sum().backward();
      reducer.finish();

      reference.zero_grad();
      hidden(reference).backward();
      (reference.fc2(at::ones({1, 32})).sum() / 2).backward();  // one of two ranks
      expect_near(gradients_of(net), gradients_of(reference), kRounding);
    }
    reducer.prepare();
    hidden(net).backward();
    reducer.finish();  // now no rank has touched fc2
    expect_near(net.fc2->weight.grad(), at::zeros({kClasses, 32}), 0, "fc2.weight");
  });
}

TEST(Mean, ANaNIsReportedWithItsLayerOnEveryRank) {
  run_threads(2, [](CommThread& thread) {
    at::set_num_threads(1);
    Net net;
    GradientReducer reducer(net, thread, GradientReducerOptions());
    reducer.prepare();
    at::Tensor loss = loss_of(net, Samples(0, 0, kBatch));
    if (thread.rank() == 1) loss = loss + net.fc2->bias.sum() * NAN;
    loss.backward();
    const StepReport report = reducer.finish();
    EXPECT_TRUE(report.nonfinite);
    EXPECT_EQ(report.origin, 1);
    EXPECT_EQ(report.layer, thread.rank() == 1 ? "fc2.bias" : "");
  });
}

TEST(Mean, TheDensityFollowsTheEpoch) {
  run_threads(2, [](CommThread& thread) {
    at::set_num_threads(1);
    Net net;
    CompressionOptions words = codec_words("dgc");
    words.density = 0.01;
    words.warmup_epochs = 2;
    GradientReducer reducer(net, thread, {.compression = words});
    std::size_t before = reducer.planned_bytes();
    for (std::int64_t epoch = 1; epoch <= 2; ++epoch) {
      reducer.set_epoch(epoch);
      EXPECT_LT(reducer.planned_bytes(), before) << "epoch " << epoch;
      before = reducer.planned_bytes();
      reducer.prepare();
      loss_of(net, Samples(epoch, kBatch * thread.rank(), kBatch)).backward();
      EXPECT_LE(reducer.finish().bytes_sent, before);
    }
    reducer.set_epoch(3);
    EXPECT_EQ(reducer.planned_bytes(), before);
  });
}

// The trainer calls set_epoch() in every step.
TEST(Mean, NoPlanIsMadeWhereTheEpochHasNotChanged) {
  run_threads(2, [](CommThread& thread) {
    Net net;
    CompressionOptions words = codec_words("dgc");
    words.warmup_epochs = 2;
    GradientReducer reducer(net, thread, {.compression = words});
    const auto codec = [&] { return reducer.plan().schemes.back().codec; };  // each plan makes one
    const auto first = codec();
    reducer.set_epoch(0);
    EXPECT_EQ(codec(), first);
    reducer.set_epoch(1);
    const auto second = codec();
    EXPECT_NE(second, first);
    reducer.set_epoch(1);
    EXPECT_EQ(codec(), second);
    reducer.set_epoch(0);  // on resume an epoch may be any
    EXPECT_NE(codec(), second);
  });
}

}  // namespace
}  // namespace terse::test
