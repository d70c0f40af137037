// Reports a training run: metrics files, progress bar and summary, all written by rank 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "terse/comm/transport/comm_thread.h"
#include "terse/config/job.h"
#include "terse/report/metrics/metrics.h"
#include "terse/report/progress_bar.h"
#include "terse/report/summary.h"
#include "terse/trainers/checkpoint/snapshot.h"
#include "terse/trainers/loop/evaluate.h"
#include "terse/trainers/loop/trainer.h"

namespace terse {

// Every rank has one and calls its functions in the same order. start() and log_interval() are
// collective; the others do nothing on ranks other than 0. All refer to `job` and `thread`, which
// must outlive the reporter.
class RunReporter {
 public:
  RunReporter(const Job& job, CommThread& thread, const TrainOptions& options);

  // Before the first step: creates output.dir, checks that it has room for two checkpoints of the
  // world, and starts the metrics files or, when resuming, continues them; a fresh run deletes the
  // results of an earlier one. Throws on all ranks alike.
  void start(const TrainingProgress& progress, std::int64_t total_steps,
             std::size_t rank_checkpoint_bytes);

  // Adds a micro-batch to the current log interval, with its summed loss.
  void add_samples(double loss, std::int64_t count);
  // Adds a step: the time that it took, and the part in which the rank waited for the exchange.
  void add_step(double seconds, double wait_seconds);
  // Writes the interval's metrics, averaged over ranks, and begins the next one.
  void log_interval(const TrainingProgress& progress, double rate);
  void log_evaluation(const TrainingProgress& progress, const EvalResult& result);

  void print_line(std::string_view line);

  // The median over the steps of this process.
  double seconds_per_step() const;

  // Ends a run that was stopped: no summary.
  void finish();
  // Ends a complete run: writes summary.json and prints the results.
  void finish(const Summary& summary);

 private:
  const Job& job_;
  CommThread& thread_;
  const TrainOptions options_;
  const bool first_;  // rank 0
  std::optional<MetricsWriter> metrics_;
  std::optional<ProgressBar> bar_;
  std::vector<double> step_seconds_;
  double loss_sum_ = 0, sample_count_ = 0, wait_seconds_ = 0;  // since the last log
  std::size_t logged_steps_ = 0;                               // of step_seconds_
};

}  // namespace terse
