#include "terse/launch/tools/convergence.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <mutex>
#include <thread>

#include "terse/comm/reducer/reducer.h"
#include "terse/comm/transport/threads/thread_world.h"

namespace terse {
namespace {

constexpr std::size_t kAlignment = 16;  // elements

// A problem's parameters, and its gradients in an arena.
class Replica {
 public:
  explicit Replica(const Problem& problem) : problem_(problem), x_(problem.start()) {
    std::size_t total = 0;
    for (const Part& part : problem.parts()) total += round_up(part.size, kAlignment);
    arena_ = FloatBuffer(total);
    grad_.resize(x_.size());
    float* at = arena_.values().data();
    for (const Part& part : problem.parts()) {
      layers_.push_back(
          {.name = part.name, .grad = at, .size = part.size, .dimensions = part.dimensions});
      at += round_up(part.size, kAlignment);
    }
  }

  const std::vector<Layer>& layers() const { return layers_; }
  double gap() const { return problem_.gap(x_); }
  void backward(int rank) {
    problem_.gradient(rank, x_, grad_);
    const float* from = grad_.data();
    for (const Layer& layer : layers_) {
      std::copy_n(from, layer.size, layer.grad);
      from += layer.size;
    }
  }
  void step(float lr) {
    float* x = x_.data();
    for (const Layer& layer : layers_) {
      for (std::size_t i = 0; i < layer.size; ++i) *x++ -= lr * layer.grad[i];
    }
  }

 private:
  const Problem& problem_;
  std::vector<float> x_, grad_;
  FloatBuffer arena_{0};
  std::vector<Layer> layers_;
};

// The velocity of a steady gradient of 1.
float gain_of(const Feedback& f) { return f.keeps_velocity() && f.uu < 1 ? f.ug / (1 - f.uu) : 1; }

Outcome run_rank(const Problem& problem, const CompressionOptions& options, const Descent& descent,
                 CommThread& thread) {
  Replica replica(problem);
  const Plan plan = make_plan(replica.layers(), options, 0, descent.world);
  const float gain = plan.schemes.size() > 1 ? gain_of(plan.schemes[1].feedback) : 1;
  Reducer reducer(replica.layers(), thread, plan, {.seed = 3});
  const double start = replica.gap();
  Outcome outcome;
  while (outcome.steps < descent.max_steps && !outcome.met && std::isfinite(outcome.last)) {
    const float decay =
        descent.decay_lr ? std::sqrt(static_cast<float>(outcome.steps) + 1.0f) : 1.0f;
    const float lr = descent.lr / gain / decay;
    replica.backward(thread.rank());
    reducer.begin(static_cast<std::uint64_t>(outcome.steps), {.lr = lr});
    reducer.finish();
    replica.step(lr);
    ++outcome.steps;
    outcome.last = replica.gap() / start;
    outcome.best = std::min(outcome.best, outcome.last);
    outcome.met = outcome.last <= descent.target;
  }
  return outcome;
}

}  // namespace

Outcome descend(const Problem& problem, const CompressionOptions& options, const Descent& descent) {
  const auto hub = make_thread_hub(descent.world, {});
  Outcome outcome;
  std::exception_ptr error;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < descent.world; ++rank) {
    threads.emplace_back([&, rank] {
      CommThread thread([&] { return join_world(hub, rank); });
      try {
        const Outcome mine = run_rank(problem, options, descent, thread);
        if (rank == 0) outcome = mine;
      } catch (const std::exception& thrown) {
        thread.abort(thrown.what());
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
  return outcome;
}

CompressionOptions trial_options(const std::string& codec, const std::string& feedback) {
  CompressionOptions options;
  options.codec.name = codec;
  options.codec.bucket = 64;
  options.bits = 4;
  // Random indices contract by their density alone, and need more of it at this learning rate.
  const bool random = make_codec(options.codec)->traits().pattern == Pattern::shared_indices;
  options.density = random ? 0.5 : 0.1;
  options.momentum = 0.5;
  options.feedback = feedback;
  options.min_elements = 1;
  return options;
}

bool is_sign_vote(const CodecInfo& info) {
  return info.family == "sign" && !make_feedback(info.feedback, {}).keeps_residual();
}

std::vector<Trial> trials() {
  std::vector<Trial> all;
  all.push_back({"quadratic", make_quadratic(4), {.lr = 0.02f, .target = 0.01}});
  all.push_back({"network", make_network(4), {.lr = 0.1f, .target = 0.05}});
  return all;
}

}  // namespace terse
