// SGD and AdamW as plain passes over fp32 parameters, each a fixed order of operations: replicas
// stay equal to the bit.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "terse/base/float_buffer.h"
#include "terse/config/job.h"

namespace terse {

// One parameter as the optimizer sees it. The memory belongs to the module and the arena.
struct Parameter {
  std::string name;
  std::span<float> value;
  std::span<const float> grad;
  bool momentum_elsewhere =
      false;  // the compressor keeps it: only weight decay has a momentum here
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // One step with the averaged gradients times `grad_scale` (clipping).
  virtual void step(double rate, float grad_scale) = 0;
  // What it remembers, for checkpoints ("momentum/fc1.weight").
  virtual void visit(
      const std::function<void(const std::string& name, std::span<float> values)>& visitor) = 0;
  // Steps taken: AdamW's bias correction depends on it.
  virtual void set_steps(std::int64_t) {}
};

// SGD (Sutskever et al. 2013, in torch's form): d = g + wd p; b = m b + d; p -= lr (nesterov ? d +
// m b : b). Where momentum is kept elsewhere (dgc): b = m b + wd p; p -= lr (g + (nesterov ? wd p +
// m b : b)), so that decay never enters a residual. AdamW (Loshchilov and Hutter 2019): p -= lr wd
// p; then Adam's step with bias correction.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerJob& job,
                                          std::vector<Parameter> parameters);

}  // namespace terse
