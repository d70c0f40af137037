// SGD and AdamW as plain passes over fp32 parameters in a fixed order of operations, so that
// replicas stay bitwise equal.
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

// One parameter. The module owns the value, the gradient arena the gradient.
struct Parameter {
  std::string name;
  std::span<float> value;
  std::span<const float> grad;
  // The compressor keeps the gradient's momentum; the optimizer only that of weight decay.
  bool momentum_elsewhere = false;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // Takes one step with the averaged gradients times `grad_scale` (clipping).
  virtual void step(double rate, float grad_scale) = 0;
  // Visits the optimizer's state by name ("momentum/fc1.weight"), for checkpoints.
  virtual void visit(
      const std::function<void(const std::string& name, std::span<float> values)>& visitor) = 0;
  // Sets the number of steps taken, on which AdamW's bias correction depends.
  virtual void set_steps(std::int64_t) {}
};

// - SGD (Sutskever et al. 2013, in PyTorch's form): d = g + wd p; b = m b + d;
//   p -= lr (nesterov ? d + m b : b). With momentum_elsewhere (dgc): b = m b + wd p;
//   p -= lr (g + (nesterov ? wd p + m b : b)), so that weight decay never enters a residual.
// - AdamW (Loshchilov and Hutter 2019): p -= lr wd p; then Adam's step with bias correction.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerJob& job,
                                          std::vector<Parameter> parameters);

}  // namespace terse
