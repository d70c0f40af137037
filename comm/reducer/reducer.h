// Reducer: replaces gradients in an arena by their means over all ranks while backward runs. One
// per rank; torch-free. Groups of layers are exchanged on the rank's communication thread, in a
// schedule that is the same on all ranks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "terse/comm/exchange/compressor_state.h"
#include "terse/comm/exchange/exchange.h"
#include "terse/comm/plan/groups.h"
#include "terse/comm/transport/comm_thread.h"

namespace terse {

struct ReducerOptions {
  std::uint64_t seed = 1;
  bool may_skip = false;  // steps with a NaN or an Inf can be skipped: slots are pairs
  const std::atomic<bool>* stop_wanted =
      nullptr;    // read once a group; all ranks see it in the same step
  int depth = 8;  // groups open at a time
};

// The outcome of a step; the flags are the same on every rank.
struct StepReport {
  bool nonfinite = false;
  bool stop_wanted = false;
  int origin = 0;     // nonfinite: the lowest rank known to have raised it
  std::string layer;  // nonfinite: the first such layer of this rank, if any
  std::uint64_t bytes_sent = 0;
  double wait_seconds = 0;  // time in finish(): not hidden by backward
};

class Reducer {
 public:
  // `layers` in about the order in which backward completes them. Throws JobError if a scheme
  // cannot compress one of its layers.
  Reducer(std::vector<Layer> layers, CommThread& thread, Plan plan, const ReducerOptions& options);
  ~Reducer();
  Reducer(const Reducer&) = delete;
  Reducer& operator=(const Reducer&) = delete;

  // Starts a step; backward then adds to the arena. `info` may differ from step to step, but not
  // from rank to rank.
  void begin(std::uint64_t step, const StepInfo& info = {});
  // A layer's gradient is complete: any thread, never blocks; at most once a step.
  void ready(std::size_t layer);
  // Training thread: marks all other layers as ready, with the gradients that the arena holds.
  // Blocks until all groups are done and rethrows. A finite step is committed; a non-finite one
  // leaves residuals and velocities as they were, if may_skip.
  StepReport finish();
  // Between steps, with the same plan on all ranks.
  void adopt(Plan plan);

  const Plan& plan() const { return plan_; }
  // What the schedule is made from, by group: estimates for the first steps under a plan, then what
  // rank 0 measured in one of them.
  std::span<const GroupTiming> timings() const { return timings_; }
  CompressorState& state() { return state_; }
  std::size_t workspace_bytes() const;

 private:
  struct ActiveGroup;  // a group with its channel, task and counters
  class Driver;

  void build();
  void convert_state(const Plan& from, const Plan& to);
  void run_step(Communicator& communicator);
  void advance(ActiveGroup& active, std::uint16_t workspace, Communicator& communicator);
  void start_group(ActiveGroup& active, std::uint16_t workspace);
  void await_ready(ActiveGroup& active, Communicator& communicator);
  void measure_scales(std::span<const std::uint32_t> layers);
  void update_timings(Communicator& communicator);
  void count_rounds();

  std::vector<Layer> layers_;
  CommThread& thread_;
  ReducerOptions options_;
  Plan plan_;
  std::uint32_t plan_hash_ = 0;
  CompressorState state_;
  StepFlags flags_;
  std::vector<float> scales_;
  std::vector<std::vector<std::uint32_t>> groups_of_layer_;
  std::vector<std::atomic<bool>> is_ready_;
  std::vector<std::unique_ptr<ActiveGroup>> active_groups_;
  std::vector<GroupTiming> timings_;  // by group
  std::vector<Turn> schedule_;
  std::vector<FloatBuffer> workspaces_;
  std::vector<FloatBuffer> scratch_;
  std::atomic<bool> finishing_{false};
  bool clip_measured_ = false;  // in this step, where clipping is global
  std::uint64_t step_ = 0;
  std::uint64_t bytes_before_ = 0, bytes_sent_ = 0;
  StepInfo info_;
  Clock::time_point began_;
  int steps_since_adopt_ = 0;
  bool armed_ = false;
};

}  // namespace terse
