#include <ATen/Parallel.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <array>
#include <vector>

#include "terse/base/median.h"
#include "terse/base/random.h"
#include "terse/comm/torch/gradient_reducer.h"
#include "terse/comm/transport/collectives.h"
#include "terse/config/arguments.h"
#include "terse/launch/bench/bench.h"
#include "terse/launch/bench/timing.h"
#include "terse/launch/world/ranks.h"
#include "terse/models/model.h"
#include "terse/report/table.h"

namespace terse {
namespace {

const std::array<Switch, 4> kSwitches = {{
    {"ranks", "N", "number of ranks, as threads; default 4"},
    {"model", "NAME", "model, for 28x28 images; default convnet"},
    {"batch", "N", "images per rank; default 32"},
    {"help", "", "print this text"},
}};

constexpr int kWarmup = 5, kSteps = 15;

struct Workload {
  std::string model;
  int batch;
};

// Medians over the steps, in seconds, of the slowest rank's times.
struct Times {
  double forward, backward, exchange, step;
  double bytes;  // per rank
};

class Measurement {
 public:
  Measurement(CommThread& thread, const Workload& workload)
      : thread_(thread),
        model_(make_model(
            {.name = workload.model, .channels = 1, .height = 28, .width = 28, .classes = 10}, 1)),
        reducer_(*model_, thread, GradientReducerOptions()),
        images_(at::empty({workload.batch, 1, 28, 28})),
        labels_(at::zeros({workload.batch}, at::kLong)) {
    const RandomStream stream(1, "bench", static_cast<std::uint64_t>(thread.rank()));
    for (std::int64_t i = 0; i < images_.numel(); ++i)
      images_.data_ptr<float>()[i] = stream.uniform(static_cast<std::uint64_t>(i));
  }

  // Measures forward, backward without an exchange, the exchange alone, and a complete training
  // step.
  Times measure() {
    std::vector<double> forward, backward, exchange, step;
    double bytes = 0;
    at::Tensor loss;
    // The group order is final after the third step.
    for (int i = 0; i < kWarmup; ++i) slowest([&] { step_once(); });
    for (int i = 0; i < kSteps; ++i) {
      const double f = slowest([&] { loss = loss_of(); });
      reducer_.prepare(false);
      const double b = slowest([&] { loss.backward(); });
      const double e = slowest([&] {
        reducer_.prepare();
        bytes = static_cast<double>(reducer_.finish().bytes_sent);
      });
      const double s = slowest([&] { step_once(); });
      forward.push_back(f);
      backward.push_back(b);
      exchange.push_back(e);
      step.push_back(s);
    }
    return {median(forward), median(backward), median(exchange), median(step), bytes};
  }

 private:
  // The time of the slowest rank. All ranks begin at the same time.
  template <class Action>
  double slowest(Action&& action) {
    (void)gather_values(thread_, std::array{0.0});
    const Clock::time_point begin = Clock::now();
    action();
    double longest = 0;
    for (const auto& values : gather_values(thread_, std::array{seconds_since(begin)}))
      longest = std::max(longest, values[0]);
    return longest;
  }
  void step_once() {
    const at::Tensor loss = loss_of();
    reducer_.prepare();
    loss.backward();
    reducer_.finish();
  }
  at::Tensor loss_of() { return at::cross_entropy_loss(model_->forward(images_), labels_); }

  CommThread& thread_;
  std::shared_ptr<Model> model_;
  GradientReducer reducer_;
  at::Tensor images_, labels_;
};

Times run(const WorldOptions& world, const Workload& workload, int& code) {
  Times times{};
  code = run_world(world, [&](CommThread& thread) {
    at::set_num_threads(1);
    const Times mine = Measurement(thread, workload).measure();
    if (thread.rank() == 0) times = mine;
    return ExitCode::done;
  });
  return times;
}

}  // namespace

int bench_overlap(std::span<const std::string> args) {
  const Arguments arguments = parse_arguments(args, kSwitches);
  if (arguments.has("help")) {
    fmt::print(
        "terse bench overlap [switches]\n\nMeasures how much of the exchange backward hides.\n\n{}",
        help_text(kSwitches));
    return 0;
  }
  WorldOptions world = choose_world(arguments.value("ranks"));
  if (world.mpi)
    fail<JobError>(
        "terse bench overlap runs its ranks as threads; start it without mpirun, with --ranks N.");
  if (!arguments.value("ranks")) world.ranks = 4;
  const Workload workload{arguments.value("model").value_or("convnet"),
                          count_of(arguments, "batch", 32)};
  int code = 0;
  const Times unlimited = run(world, workload, code);
  if (code != 0) return code;
  // A link on which the dense exchange takes as long as backward.
  world.communicator.link.bytes_per_second =
      unlimited.bytes * (1514.0 / 1448.0) / unlimited.backward;
  const Times limited = run(world, workload, code);
  if (code != 0) return code;
  const double hidden = limited.forward + limited.backward + limited.exchange - limited.step;
  fmt::print(
      "{} on {} ranks of batch {}, dense, link {}/s\n{}hidden: {:.0f} % of min(backward, "
      "exchange)\n",
      workload.model, world.ranks, workload.batch,
      format_bytes(world.communicator.link.bytes_per_second),
      format_table({"forward", "backward", "exchange alone", "a whole step"},
                   {{format_seconds(limited.forward), format_seconds(limited.backward),
                     format_seconds(limited.exchange), format_seconds(limited.step)}}),
      100 * hidden / std::min(limited.backward, limited.exchange));
  return 0;
}

}  // namespace terse
