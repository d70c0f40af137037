// The replicas of a model: parameters, which are equal on all ranks, and buffers, which each rank
// has of its own until they are averaged.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <string>
#include <vector>

#include "terse/comm/transport/comm_thread.h"

namespace terse {

// A hash of the names and bytes of all parameters, without buffers.
std::uint64_t parameter_hash(const torch::nn::Module& module);

// Collective. Throws Error on every rank, naming the first differing layer and its rank, unless all
// ranks have equal parameters.
void check_replicas(CommThread& thread, const torch::nn::Module& module, std::int64_t step);

// A copy of the module's floating-point buffers, to restore them.
class BufferBackup {
 public:
  explicit BufferBackup(const torch::nn::Module& module);
  void restore() const;
  const std::vector<at::Tensor>& buffers() const { return buffers_; }

 private:
  std::vector<at::Tensor> buffers_, copies_;
};

// Collective. Sets the module's floating-point buffers (BatchNorm's statistics) to their mean over
// ranks, summed in rank order; the destructor restores the rank's own.
class ScopedBufferAverage {
 public:
  ScopedBufferAverage(CommThread& thread, const torch::nn::Module& module);
  ~ScopedBufferAverage() { own_.restore(); }
  ScopedBufferAverage(const ScopedBufferAverage&) = delete;
  ScopedBufferAverage& operator=(const ScopedBufferAverage&) = delete;

 private:
  BufferBackup own_;
};

}  // namespace terse
