#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "terse/base/random.h"
#include "terse/config/arguments.h"
#include "terse/launch/bench.h"
#include "terse/launch/ranks.h"
#include "terse/models/model.h"
#include "terse/report/table.h"
#include "terse/torch/gradient_reducer.h"
#include "terse/trainers/agree.h"

namespace terse {
namespace {

const std::array<Switch, 3> kSwitches = {{
    {"ranks", "N", "ranks as threads; default 4"},
    {"model", "NAME", "default convnet (on 28x28 images, 32 a rank)"},
    {"help", "", "this text"},
}};

constexpr int kWarmup = 5, kSteps = 15;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

struct Times {
  double forward = 0, backward = 0, exchange = 0, step = 0;
  double bytes = 0;
};

class Subject {
 public:
  Subject(CommThread& thread, const std::string& name)
      : thread_(thread),
        model_(
            make_model({.name = name, .channels = 1, .height = 28, .width = 28, .classes = 10}, 1)),
        reducer_(*model_, thread, GradientReducerOptions()),
        images_(at::zeros({32, 1, 28, 28})),
        labels_(at::zeros({32}, at::kLong)) {
    const RandomStream stream(1, "bench", static_cast<std::uint64_t>(thread.rank()));
    for (std::int64_t i = 0; i < images_.numel(); ++i)
      images_.data_ptr<float>()[i] = stream.uniform(static_cast<std::uint64_t>(i));
  }

  // Forward and backward with nothing travelling meanwhile, then the exchange alone, then all of it
  // as a training step does it.
  Times measure() {
    std::vector<double> forward, backward, exchange, step;
    Times times;
    for (int i = 0; i < kWarmup + kSteps; ++i) {
      meet();
      Clock::time_point begin = Clock::now();
      at::Tensor loss = loss_of();
      const double f = seconds_since(begin);
      reducer_.prepare(false);
      begin = Clock::now();
      loss.backward();
      const double b = seconds_since(begin);
      meet();
      begin = Clock::now();
      reducer_.prepare();
      const StepReport report = reducer_.finish();
      const double c = seconds_since(begin);
      meet();
      begin = Clock::now();
      loss = loss_of();
      reducer_.prepare();
      loss.backward();
      reducer_.finish();
      const double s = seconds_since(begin);
      if (i < kWarmup) continue;
      forward.push_back(f);
      backward.push_back(b);
      exchange.push_back(c);
      step.push_back(s);
      times.bytes = static_cast<double>(report.bytes_sent);
    }
    times.forward = median(forward);
    times.backward = median(backward);
    times.exchange = median(exchange);
    times.step = median(step);
    return times;
  }

 private:
  void meet() { (void)gather_values(thread_, std::array{0.0}); }
  at::Tensor loss_of() { return at::cross_entropy_loss(model_->forward(images_), labels_); }

  CommThread& thread_;
  std::shared_ptr<Model> model_;
  GradientReducer reducer_;
  at::Tensor images_, labels_;
};

// Means over ranks.
Times run(const WorldOptions& world, const std::string& model, int& code) {
  Times mean;
  code = run_world(world, [&](CommThread& thread) {
    at::set_num_threads(1);
    const Times mine = Subject(thread, model).measure();
    const auto sums = sum_values(
        thread, std::array{mine.forward, mine.backward, mine.exchange, mine.step, mine.bytes});
    const double n = thread.size();
    if (thread.rank() == 0)
      mean = {sums[0] / n, sums[1] / n, sums[2] / n, sums[3] / n, sums[4] / n};
    return ExitCode::done;
  });
  return mean;
}

}  // namespace

int bench_overlap(std::span<const std::string> words) {
  const Arguments arguments = parse_arguments(words, kSwitches);
  if (arguments.switches.contains("help")) {
    fmt::print("terse bench overlap: how much of the exchange backward hides\n\n{}",
               help_text(kSwitches));
    return 0;
  }
  const auto given = [&](const std::string& name, const std::string& otherwise) {
    return arguments.switches.contains(name) ? arguments.switches.at(name) : otherwise;
  };
  WorldOptions world = choose_world(given("ranks", "4"));
  const std::string model = given("model", "convnet");
  int code = 0;
  const Times free = run(world, model, code);
  if (code != 0) return code;
  // The link on which the dense exchange takes as long as backward.
  world.communicator.link.bytes_per_second = free.bytes * (1514.0 / 1448.0) / free.backward;
  const Times thin = run(world, model, code);
  if (code != 0) return code;
  const double hidden = thin.forward + thin.backward + thin.exchange - thin.step;
  fmt::print("{} on {} ranks, dense, link {}/s\n{}hidden: {:.0f} % of min(backward, exchange)\n",
             model, world.ranks, format_bytes(world.communicator.link.bytes_per_second),
             format_table({"forward", "backward", "exchange alone", "a whole step"},
                          {{format_seconds(thin.forward), format_seconds(thin.backward),
                            format_seconds(thin.exchange), format_seconds(thin.step)}}),
             100 * hidden / std::min(thin.backward, thin.exchange));
  return 0;
}

}  // namespace terse
