// Which modules GradientReducer takes, what it does to them, and how misuse is said.
#include <torch/nn/modules/batchnorm.h>

#include <numeric>
#include <optional>

#include "comm/torch/nets.h"

namespace terse::test {
namespace {

// Runs in a world of one.
void alone(const std::function<void(CommThread&)>& body) {
  run_threads(1, [&](CommThread& thread) {
    at::set_num_threads(1);
    body(thread);
  });
}

void expect_refused(torch::nn::Module& module, const std::vector<std::string>& words) {
  alone([&](CommThread& thread) {
    const Ending ending =
        ending_of([&] { GradientReducer(module, thread, GradientReducerOptions()); });
    EXPECT_TRUE(ending.wrong_job) << ending.sentence;
    expect_words(ending.sentence, words);
  });
}

TEST(Module, AParameterOfAnotherTypeIsRefusedByName) {
  Net doubles;
  doubles.fc2->to(at::kDouble);
  expect_refused(doubles, {"fc2.", "Double", "float32"});
  Net halves;
  halves.fc1->weight.set_data(halves.fc1->weight.detach().to(at::kHalf));
  expect_refused(halves, {"fc1.weight", "Half", "float32"});
}

TEST(Module, ASparseParameterIsRefusedByName) {
  Net net;
  net.register_parameter("table", at::eye(4).to_sparse());
  expect_refused(net, {"table", "sparse"});
}

TEST(Module, AModuleWithNothingToTrainIsRefused) {
  torch::nn::Module empty;
  expect_refused(empty, {"no parameter", "nothing to train"});
  Net frozen;
  for (at::Tensor& parameter : frozen.parameters()) parameter.set_requires_grad(false);
  expect_refused(frozen, {"no parameter", "nothing to train"});
}

TEST(Module, FrozenParametersStayOut) {
  run_threads(2, [](CommThread& thread) {
    at::set_num_threads(1);
    Net net;
    const std::size_t all = GradientReducer(net, thread, GradientReducerOptions()).dense_bytes();
    net.fc1->weight.set_requires_grad(false);
    net.fc1->weight.mutable_grad() = at::Tensor();
    GradientReducer reducer(net, thread, GradientReducerOptions());
    EXPECT_EQ(reducer.layers().size(), 3u);
    for (const Layer& layer : reducer.layers()) EXPECT_NE(layer.name, "fc1.weight");
    EXPECT_LT(reducer.dense_bytes() + 1280 * sizeof(float) / 2, all);
    reducer.prepare();
    loss_of(net, Samples(0, 0, 4)).backward();
    EXPECT_EQ(reducer.finish().bytes_sent, reducer.planned_bytes());
    EXPECT_FALSE(net.fc1->weight.grad().defined());
  });
}

struct Affine : torch::nn::Module {
  explicit Affine(const at::Tensor& matrix)
      : weight(register_parameter("weight", matrix)),
        bias(register_parameter("bias", at::empty({8}))) {}
  at::Tensor forward(const at::Tensor& x) { return at::linear(x, weight, bias); }
  at::Tensor weight, bias;
};

// The weight has two names, and one of its owners is used twice.
struct Tied : torch::nn::Module {
  Tied()
      : first(register_module("first", std::make_shared<Affine>(at::empty({8, 8})))),
        second(register_module("second", std::make_shared<Affine>(first->weight))) {
    for (const auto& item : named_parameters()) fill(item.value(), item.key());
  }
  at::Tensor forward(const at::Tensor& x) {
    return second->forward(first->forward(first->forward(x)));
  }
  std::shared_ptr<Affine> first, second;
};

TEST(Module, ATiedParameterHasOneGradientTheSumOfItsUses) {
  run_threads(2, [](CommThread& thread) {
    at::set_num_threads(1);
    Tied net, reference;
    GradientReducer reducer(net, thread, GradientReducerOptions());
    EXPECT_EQ(reducer.layers().size(), 3u);
    for (int step = 0; step < 2; ++step) {
      reducer.prepare();
      const auto loss = [](Tied& of, int rank) {
        return of.forward(at::full({2, 8}, 0.1 * (rank + 1))).pow(2).mean();
      };
      loss(net, thread.rank()).backward();
      reducer.finish();
      reference.zero_grad();
      ((loss(reference, 0) + loss(reference, 1)) / 2).backward();
      expect_near(gradients_of(net), gradients_of(reference), kRounding);
    }
  });
}

TEST(Module, AnEmptyParameterIsNoTrouble) {
  run_threads(2, [](CommThread& thread) {
    at::set_num_threads(1);
    Net net;
    net.register_parameter("nothing", at::empty({0, 4}));
    GradientReducer reducer(net, thread, {.compression = codec_words("topk")});
    for (int step = 0; step < 2; ++step) {
      reducer.prepare();
      loss_of(net, Samples(step, thread.rank(), 4)).backward();
      EXPECT_FALSE(reducer.finish().nonfinite);
    }
  });
}

struct Normalized : torch::nn::Module {
  Normalized() : norm(register_module("norm", torch::nn::BatchNorm1d(5))) {}
  torch::nn::BatchNorm1d norm;
};

TEST(Module, StartsFromTheParametersAndBuffersOfRankZero) {
  for (const bool broadcast_parameters : {true, false}) {
    run_threads(3, [&](CommThread& thread) {
      Normalized net;
      const auto values = [&] {
        return std::array{net.norm->weight.detach(), net.norm->bias.detach(),
                          net.norm->running_mean, net.norm->running_var};
      };
      for (const at::Tensor& value : values()) fill(value, "start", 7 + thread.rank());
      net.norm->num_batches_tracked.fill_(10 + thread.rank());
      GradientReducer reducer(
          net, thread,
          {.compression = codec_words("none"), .broadcast_parameters = broadcast_parameters});
      const int source = broadcast_parameters ? 0 : thread.rank();
      for (const at::Tensor& value : values()) {
        const at::Tensor expected = at::empty({5});
        fill(expected, "start", 7 + source);
        EXPECT_TRUE(value.equal(expected)) << "rank " << thread.rank();
      }
      EXPECT_EQ(net.norm->num_batches_tracked.item<std::int64_t>(), 10 + source);
    });
  }
}

TEST(Module, ParametersThatAreNotContiguousStartFromRankZeroToo) {
  run_threads(2, [](CommThread& thread) {
    torch::nn::Module net;
    const at::Tensor values = at::full({6, 4}, 1.0 + thread.rank());
    values[thread.rank()][2] = 9;
    const at::Tensor parameter = net.register_parameter("turned", values.t());
    ASSERT_FALSE(parameter.is_contiguous());
    const GradientReducer reducer(net, thread, GradientReducerOptions());
    const at::Tensor expected = at::ones({4, 6});
    expected[2][0] = 9;
    EXPECT_TRUE(parameter.detach().equal(expected));
  });
}

TEST(Module, EveryGradientIsAnAlignedViewOfTheArena) {
  alone([](CommThread& thread) {
    Net net;
    const GradientReducer reducer(net, thread, GradientReducerOptions());
    std::size_t total = 0;
    for (const Layer& layer : reducer.layers()) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(layer.grad) % 64, 0u) << layer.name;
      const at::Tensor gradient = net.named_parameters()[layer.name].grad();
      EXPECT_EQ(gradient.data_ptr(), layer.grad) << layer.name;
      EXPECT_EQ(gradient.numel(), layer.size) << layer.name;
      total += round_up(layer.size, 16) * sizeof(float);
    }
    EXPECT_EQ(reducer.layers().size(), 4u);
    EXPECT_EQ(reducer.arena_bytes(), total);
  });
}

TEST(Module, OnlyWhatDgcCompressesHasItsMomentumThere) {
  alone([](CommThread& thread) {
    Net net;
    const GradientReducer dgc(net, thread, {.compression = codec_words("dgc")});
    EXPECT_TRUE(dgc.owns_momentum("fc1.weight"));
    for (const char* name : {"fc1.bias", "fc2.weight", "fc2.bias", "no such thing"})
      EXPECT_FALSE(dgc.owns_momentum(name)) << name;
    for (const std::string codec : {"none", "fp16", "maxmin", "topk"}) {
      Net other;
      const GradientReducer reducer(other, thread, {.compression = codec_words(codec)});
      EXPECT_FALSE(reducer.owns_momentum("fc1.weight")) << codec;
    }
  });
}

TEST(Module, HooksOutliveTheReducer) {
  for (const bool within_a_step : {false, true}) {
    alone([&](CommThread& thread) {
      Net net, reference;
      std::optional<GradientReducer> reducer;
      reducer.emplace(net, thread, GradientReducerOptions());
      reducer->prepare();
      if (!within_a_step) {
        loss_of(net, Samples(0, 0, 4)).backward();
        reducer->finish();
      }
      reducer.reset();
      net.zero_grad(false);
      loss_of(net, Samples(1, 0, 4)).backward();
      loss_of(reference, Samples(1, 0, 4)).backward();
      expect_near(gradients_of(net), gradients_of(reference), 0);
    });
  }
}

TEST(Misuse, AReplacedGradientIsSaidWithTheParametersName) {
  alone([](CommThread& thread) {
    Net net;
    GradientReducer reducer(net, thread, GradientReducerOptions());
    net.fc2->bias.mutable_grad() = at::zeros({kClasses});
    expect_words(ending_of([&] { reducer.prepare(); }).sentence,
                 {"step 0", "fc2.bias", "no longer its view", "zero_grad()"});
  });
  alone([](CommThread& thread) {
    Net net;
    GradientReducer reducer(net, thread, GradientReducerOptions());
    reducer.prepare();
    loss_of(net, Samples(0, 0, 4)).backward();
    reducer.finish();
    net.zero_grad(false);  // in place: allowed
    reducer.prepare();
    reducer.finish();
    net.zero_grad();
    expect_words(ending_of([&] { reducer.prepare(); }).sentence,
                 {"step 2", "fc", "no longer its view"});
  });
}

TEST(Misuse, AGradientReplacedWithinAStepEndsTheWorldInASentence) {
  const std::vector<Ending> endings = endings_of(2, [](CommThread& thread) {
    at::set_num_threads(1);
    Net net;
    GradientReducer reducer(net, thread, GradientReducerOptions());
    reducer.prepare();
    loss_of(net, Samples(0, 0, 4)).backward();
    if (thread.rank() == 1) net.fc1->weight.mutable_grad() = at::Tensor();
    reducer.finish();
    reducer.prepare();
    reducer.finish();
  });
  expect_words(endings[1].sentence, {"step 0", "fc1.weight", "no longer its view"});
  EXPECT_TRUE(endings[0].peer_lost) << endings[0].sentence;
  expect_words(endings[0].sentence, {"rank 1"});
}

TEST(Misuse, CallsOutOfOrderAreSentences) {
  alone([](CommThread& thread) {
    Net net;
    GradientReducer reducer(net, thread, GradientReducerOptions());
    expect_words(ending_of([&] { reducer.finish(); }).sentence, {"step 0", "without prepare()"});
    reducer.prepare(false);
    expect_words(ending_of([&] { reducer.finish(); }).sentence, {"step 0", "without prepare()"});
    reducer.prepare();
    expect_words(ending_of([&] { reducer.prepare(); }).sentence, {"step 0", "twice"});
    expect_words(ending_of([&] { reducer.set_epoch(0); }).sentence, {"between steps"});
    EXPECT_FALSE(reducer.finish().nonfinite);
  });
}

}  // namespace
}  // namespace terse::test
