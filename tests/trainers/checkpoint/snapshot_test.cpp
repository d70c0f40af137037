#include "terse/trainers/checkpoint/snapshot.h"

#include <gtest/gtest.h>

#include "terse/models/model.h"
#include "trainers/training.h"

namespace terse::test {
namespace {

// A model with BatchNorm, an optimizer with state, and one residual; all a function of `seed`.
struct Replica {
  explicit Replica(std::uint64_t seed, std::int64_t classes = 4)
      : model(make_model(
            {.name = "resnet20", .channels = 1, .height = 8, .width = 8, .classes = classes},
            seed)) {
    std::vector<Parameter> parameters;
    for (const auto& item : model->named_parameters()) {
      const auto size = static_cast<std::size_t>(item.value().numel());
      gradients.emplace_back(size, static_cast<float>(seed));
      parameters.push_back({.name = item.key(),
                            .value = {item.value().data_ptr<float>(), size},
                            .grad = gradients.back()});
    }
    optimizer = make_optimizer({.name = "adamw"}, std::move(parameters));
    optimizer->step(0.01, 1);
    const at::NoGradGuard guard;
    model->named_buffers()["bn1.running_var"].fill_(1.0 / static_cast<double>(seed));
    state.slot({.name = "fc.weight", .grad = nullptr, .size = 3, .dimensions = 2}, "residual")
        .values()[2] = 0.25f * static_cast<float>(seed);
  }
  TrainingState training_state() { return {*model, *optimizer, state}; }

  std::shared_ptr<Model> model;
  std::vector<std::vector<float>> gradients;
  std::unique_ptr<Optimizer> optimizer;
  CompressorState state{false};
};

TrainingProgress sample_progress() {
  return {.step = 12,
          .epoch = 3,
          .step_in_epoch = 2,
          .skipped = 1,
          .seconds = 4.5,
          .epoch_bytes = {100, 104}};
}

TEST(Snapshot, BringsEverythingBackToTheBit) {
  Replica first(2), second(5);
  const std::vector<std::byte> bytes = save_snapshot(first.training_state(), sample_progress());
  EXPECT_NE(save_snapshot(second.training_state(), sample_progress()), bytes);
  const TrainingProgress progress = load_snapshot(second.training_state(), bytes);
  EXPECT_EQ(progress.step, 12);
  EXPECT_EQ(progress.epoch, 3);
  EXPECT_EQ(progress.step_in_epoch, 2);
  EXPECT_EQ(progress.skipped, 1);
  EXPECT_EQ(progress.seconds, 4.5);
  EXPECT_EQ(progress.epoch_bytes, (std::vector<double>{100, 104}));
  EXPECT_EQ(save_snapshot(second.training_state(), progress), bytes);
}

TEST(Snapshot, OfAnotherModelIsRefusedByTheNameOfWhatDoesNotFit) {
  Replica first(2), wider(2, 7);
  const std::vector<std::byte> bytes = save_snapshot(first.training_state(), sample_progress());
  expect_words(ending_of([&] { load_snapshot(wider.training_state(), bytes); }).sentence,
               {"parameter/fc.weight", "shape"});
}

TEST(Snapshot, WithoutWhatThisRunKeepsIsRefusedByItsName) {
  Replica first(2), second(2);
  const std::vector<std::byte> bytes = save_snapshot(first.training_state(), sample_progress());
  second.state.slot({.name = "conv1.weight", .grad = nullptr, .size = 4, .dimensions = 4},
                    "velocity");
  expect_words(ending_of([&] { load_snapshot(second.training_state(), bytes); }).sentence,
               {"compressor/velocity/conv1.weight"});
}

}  // namespace
}  // namespace terse::test
