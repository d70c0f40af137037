// Reducer: gradients in an arena -> means over all ranks, in place, while backward goes on. One per
// rank; torch-free. Groups of layers leave in one order of turns that all ranks know, on the rank's
// communication thread.
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
  bool may_skip = false;  // a step with a NaN or an Inf can be skipped: memory is kept in pairs
  const std::atomic<bool>* stop_wanted =
      nullptr;    // sampled once a group; the wish reaches all ranks in the same step
  int depth = 8;  // groups open at a time
};

// What a step came to; the flags are the same on every rank.
struct StepReport {
  bool nonfinite = false;
  bool stop_wanted = false;
  int origin = 0;     // nonfinite: the lowest rank that is known to have raised it
  std::string layer;  // nonfinite: the first such layer of this rank; empty: none here
  std::uint64_t bytes_sent = 0;
  double wait_seconds = 0;  // time in finish(): what backward did not hide
};

class Reducer {
 public:
  // `layers` in the order in which backward completes them, as far as it is known. Throws JobError
  // where the plan's schemes refuse.
  Reducer(std::vector<Layer> layers, CommThread& thread, Plan plan, const ReducerOptions& options);
  ~Reducer();
  Reducer(const Reducer&) = delete;
  Reducer& operator=(const Reducer&) = delete;

  // Arms a step. The arena holds what backward will add to. What a step is told of may differ from
  // step to step, never from rank to rank.
  void begin(std::uint64_t step, const StepInfo& info = {});
  // A layer's gradient is complete: any thread, never blocks; at most once a step.
  void ready(std::size_t layer);
  // Training thread: layers that were never ready count as they stand (zeros, if nothing was
  // added). Blocks until all groups are done and rethrows. A finite step is committed; a non-finite
  // one leaves residuals and velocities as they were, if may_skip.
  StepReport finish();
  // Between steps, on all ranks alike.
  void adopt(Plan plan);

  const Plan& plan() const { return plan_; }
  // What the order of turns is made from, group by group: a guess for the first steps after a plan
  // was adopted, then what rank 0 measured in one of them.
  std::span<const Timing> timings() const { return timings_; }
  CompressorState& state() { return state_; }
  std::size_t workspace_bytes() const;

 private:
  struct ActiveGroup;  // a group with its channel, task and counters
  class Driver;

  void build();
  void hand_over(const Plan& from, const Plan& to);
  void walk(Communicator& communicator);
  void take_turn(ActiveGroup& active, std::uint16_t workspace, Communicator& communicator);
  void start_group(ActiveGroup& active, std::uint16_t workspace);
  void await_ready(ActiveGroup& active, Communicator& communicator);
  void measure_scales(std::span<const std::uint32_t> layers);
  void retime(Communicator& communicator);
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
  std::vector<Timing> timings_;  // by group
  std::vector<Turn> order_;
  std::vector<FloatBuffer> workspaces_;
  std::vector<FloatBuffer> scratch_;
  std::atomic<bool> finishing_{false};
  std::uint64_t step_ = 0;
  std::uint64_t bytes_before_ = 0, bytes_sent_ = 0;
  StepInfo info_;
  Clock::time_point began_;
  int steps_since_adopt_ = 0;
  bool armed_ = false;
};

}  // namespace terse
