#include "terse/trainers/optimizer/optimizer.h"

#include <cmath>
#include <utility>

namespace terse {
namespace {

class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerJob& job, std::vector<Parameter> parameters)
      : job_(job), parameters_(std::move(parameters)) {
    for (const Parameter& parameter : parameters_) {
      const bool has_momentum =
          job.momentum != 0 && (!parameter.momentum_elsewhere || job.weight_decay != 0);
      momentum_.emplace_back(has_momentum ? parameter.value.size() : 0);
    }
  }

  void step(double rate, float grad_scale) override {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const Parameter& p = parameters_[i];
      const std::span<float> momentum = momentum_[i].values();
      if (p.momentum_elsewhere) {
        step_decay(p, momentum, static_cast<float>(rate), grad_scale);
      } else {
        step_all(p, momentum, static_cast<float>(rate), grad_scale);
      }
    }
  }

  void visit(const std::function<void(const std::string&, std::span<float>)>& visitor) override {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const std::span<float> values = momentum_[i].values();
      if (!values.empty()) visitor("momentum/" + parameters_[i].name, values);
    }
  }

 private:
  void step_all(const Parameter& p, std::span<float> momentum, float rate, float scale) const {
    const auto decay = static_cast<float>(job_.weight_decay), m = static_cast<float>(job_.momentum);
    for (std::size_t j = 0; j < p.value.size(); ++j) {
      float d = scale * p.grad[j] + decay * p.value[j];
      if (!momentum.empty()) {
        const float b = m * momentum[j] + d;
        momentum[j] = b;
        d = job_.nesterov ? d + m * b : b;
      }
      p.value[j] -= rate * d;
    }
  }

  void step_decay(const Parameter& p, std::span<float> momentum, float rate, float scale) const {
    const auto decay = static_cast<float>(job_.weight_decay), m = static_cast<float>(job_.momentum);
    for (std::size_t j = 0; j < p.value.size(); ++j) {
      float d = decay * p.value[j];
      if (!momentum.empty()) {
        const float b = m * momentum[j] + d;
        momentum[j] = b;
        d = job_.nesterov ? d + m * b : b;
      }
      p.value[j] -= rate * (scale * p.grad[j] + d);
    }
  }

  OptimizerJob job_;
  std::vector<Parameter> parameters_;
  std::vector<FloatBuffer> momentum_;
};

class AdamW final : public Optimizer {
 public:
  AdamW(const OptimizerJob& job, std::vector<Parameter> parameters)
      : job_(job), parameters_(std::move(parameters)) {
    for (const Parameter& parameter : parameters_) {
      first_.emplace_back(parameter.value.size());
      second_.emplace_back(parameter.value.size());
    }
  }

  void step(double rate, float grad_scale) override {
    ++steps_;
    const auto b1 = static_cast<float>(job_.beta1), b2 = static_cast<float>(job_.beta2);
    const auto eps = static_cast<float>(job_.eps);
    const auto keep = static_cast<float>(1 - rate * job_.weight_decay);
    const double correct1 = 1 - std::pow(job_.beta1, static_cast<double>(steps_));
    const double correct2 = 1 - std::pow(job_.beta2, static_cast<double>(steps_));
    const auto size = static_cast<float>(rate / correct1);
    const auto root2 = static_cast<float>(std::sqrt(correct2));
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const Parameter& p = parameters_[i];
      const std::span<float> m = first_[i].values(), v = second_[i].values();
      for (std::size_t j = 0; j < p.value.size(); ++j) {
        const float g = grad_scale * p.grad[j];
        m[j] = b1 * m[j] + (1 - b1) * g;
        v[j] = b2 * v[j] + (1 - b2) * (g * g);
        p.value[j] = keep * p.value[j] - size * (m[j] / (std::sqrt(v[j]) / root2 + eps));
      }
    }
  }

  void visit(const std::function<void(const std::string&, std::span<float>)>& visitor) override {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      visitor("adam_first/" + parameters_[i].name, first_[i].values());
      visitor("adam_second/" + parameters_[i].name, second_[i].values());
    }
  }

  void set_steps(std::int64_t steps) override { steps_ = steps; }

 private:
  OptimizerJob job_;
  std::vector<Parameter> parameters_;
  std::vector<FloatBuffer> first_, second_;
  std::int64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const OptimizerJob& job,
                                          std::vector<Parameter> parameters) {
  if (job.name == "adamw") return std::make_unique<AdamW>(job, std::move(parameters));
  return std::make_unique<Sgd>(job, std::move(parameters));
}

}  // namespace terse
