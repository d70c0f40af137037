// GradientReducer: DistributedDataParallel for LibTorch in C++. Gradients of a module become views
// of one arena; a hook marks each as ready as soon as backward has completed it; finish() leaves
// the mean over all ranks in every .grad().
//
//   terse::GradientReducer reducer(module, thread, {.compression = ...});
//   for (...) {
//     reducer.prepare();                       // instead of zero_grad()
//     loss(module.forward(x)).backward();
//     reducer.finish();
//     optimizer.step();
//   }
#pragma once

#include <torch/nn/module.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "terse/comm/reducer/make_plan.h"
#include "terse/comm/reducer/reducer.h"
#include "terse/comm/transport/comm_thread.h"

namespace terse {

struct GradientReducerOptions {
  CompressionOptions compression;
  std::uint64_t seed = 1;
  bool may_skip = false;                           // see ReducerOptions
  const std::atomic<bool>* stop_wanted = nullptr;  // see ReducerOptions
  bool broadcast_parameters = true;                // start from rank 0's parameters and buffers
};

// One per rank; every call on the rank's training thread. The constructor throws JobError, with one
// sentence that names the parameter, for a parameter that is not a dense float32 CPU tensor or a
// level that the codec refuses. A parameter that is registered under several names counts once,
// under its first name.
class GradientReducer {
 public:
  GradientReducer(torch::nn::Module& module, CommThread& thread, GradientReducerOptions options);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  // Before a backward. The first call of a step zeroes the arena. `sync` false: another backward of
  // the same step follows and nothing is sent yet (gradient accumulation).
  void prepare(bool sync = true, const StepInfo& info = {});
  // After the backward that prepare(true) announced. Throws Error if a .grad() is no longer its
  // view.
  StepReport finish();

  // The plan is a function of the epoch (density warm-up), and epoch 0 at first. Call between
  // steps, with the same epoch on all ranks; free where the epoch has not changed.
  void set_epoch(std::int64_t epoch);
  // The number of the next step, which is part of messages and random keys. Set it on resume;
  // finish() increments it.
  void set_step(std::uint64_t step) { step_ = step; }

  const Plan& plan() const;
  Reducer& reducer() { return *reducer_; }
  std::span<const Layer> layers() const { return layers_; }
  // Whether the compressor keeps the parameter's momentum, so that the optimizer must not.
  bool owns_momentum(const std::string& parameter) const;
  // Most bytes this rank sends in a step under the plan, and what codec `none` would send.
  std::size_t planned_bytes() const;
  std::size_t dense_bytes() const;
  std::size_t arena_bytes() const {
    return static_cast<std::size_t>(arena_.numel()) * sizeof(float);
  }

 private:
  struct Hook;
  void lay_out(torch::nn::Module& module);
  void check_views() const;

  CommThread& thread_;
  GradientReducerOptions options_;
  std::vector<at::Tensor> parameters_;  // in ready order
  std::vector<Layer> layers_;
  at::Tensor arena_;
  std::unique_ptr<Reducer> reducer_;
  std::shared_ptr<std::atomic<Reducer*>> target_;  // where the hooks report; null between steps
  std::int64_t epoch_ = 0;                         // of the plan
  std::uint64_t step_ = 0;
  bool open_ = false;    // a step has begun
  bool synced_ = false;  // its last backward was announced
};

}  // namespace terse
