// Replicas: what must be equal on all ranks, and what each keeps of its own until it is averaged.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <string>
#include <vector>

#include "terse/comm/transport/comm_thread.h"

namespace terse {

// Of all parameters by name and bytes; buffers are outside it.
std::uint64_t parameter_hash(const torch::nn::Module& module);

// Throws Error on every rank, naming the first differing layer and the rank, unless all ranks have
// equal parameters.
void check_replicas(CommThread& thread, const torch::nn::Module& module, std::int64_t step);

// The module's floating-point buffers as they stand, to be put back.
class BufferCopy {
 public:
  explicit BufferCopy(const torch::nn::Module& module);
  void restore() const;
  const std::vector<at::Tensor>& buffers() const { return buffers_; }

 private:
  std::vector<at::Tensor> buffers_, copies_;
};

// While it lives, the module's floating-point buffers (BatchNorm's statistics) are the mean over
// ranks, in rank order; then each rank has its own again.
class AveragedBuffers {
 public:
  AveragedBuffers(CommThread& thread, const torch::nn::Module& module);
  ~AveragedBuffers() { own_.restore(); }
  AveragedBuffers(const AveragedBuffers&) = delete;
  AveragedBuffers& operator=(const AveragedBuffers&) = delete;

 private:
  BufferCopy own_;
};

}  // namespace terse
