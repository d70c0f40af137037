#include "terse/trainers/loop/run_reporter.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/base/median.h"
#include "terse/comm/transport/collectives.h"
#include "terse/config/options.h"
#include "terse/io/checkpoint.h"
#include "terse/report/table.h"

namespace terse {

RunReporter::RunReporter(const Job& job, CommThread& thread, const TrainOptions& options)
    : job_(job), thread_(thread), options_(options), first_(thread.rank() == 0) {}

void RunReporter::start(const TrainingProgress& progress, std::int64_t total_steps,
                        std::size_t rank_checkpoint_bytes) {
  all_or_throw(thread_, [&] {
    if (!first_) return;
    check_writable(job_.output.dir,
                   2 * static_cast<std::size_t>(thread_.size()) * rank_checkpoint_bytes);
    const MetricUnits units = {
        {"seconds_per_step", "seconds"}, {"wait_seconds", "seconds"}, {"bytes_sent", "bytes"}};
    if (options_.resume) {
      metrics_ = MetricsWriter::resume(job_.output.dir, progress.step, resolved(job_), units);
    } else {
      remove_checkpoints(job_.output.dir);
      std::filesystem::remove(std::filesystem::path(job_.output.dir) / "summary.json");
      metrics_.emplace(job_.output.dir, resolved(job_), units);
    }
  });
  bar_.emplace(ProgressBarOptions{
      .active = first_ && !options_.quiet, .total = total_steps, .first = progress.step});
}

void RunReporter::add_samples(double loss, std::int64_t count) {
  loss_sum_ += loss;
  sample_count_ += static_cast<double>(count);
}

void RunReporter::add_step(double seconds, double wait_seconds) {
  step_seconds_.push_back(seconds);
  wait_seconds_ += wait_seconds;
}

void RunReporter::log_interval(const TrainingProgress& progress, double rate) {
  const double steps = static_cast<double>(step_seconds_.size() - logged_steps_);
  const double bytes = progress.epoch_bytes.empty() ? 0 : progress.epoch_bytes.back();
  const std::vector<double> sums =
      sum_values(thread_, std::array{loss_sum_, sample_count_, wait_seconds_, bytes});
  const double loss = sums[1] > 0 ? sums[0] / sums[1] : 0;
  if (first_) {
    const double world = thread_.size();
    const std::vector<double> recent(step_seconds_.end() - static_cast<std::ptrdiff_t>(steps),
                                     step_seconds_.end());
    metrics_->append(progress.step, {{"train_loss", loss},
                                     {"learning_rate", rate},
                                     {"seconds_per_step", median(recent)},
                                     {"wait_seconds", sums[2] / world / std::max(steps, 1.0)},
                                     {"bytes_sent", sums[3] / world},
                                     {"skipped_steps", static_cast<double>(progress.skipped)}});
    metrics_->flush();
    bar_->update(progress.step, loss);
  }
  loss_sum_ = sample_count_ = wait_seconds_ = 0;
  logged_steps_ = step_seconds_.size();
}

void RunReporter::log_evaluation(const TrainingProgress& progress, const EvalResult& result) {
  if (!first_) return;
  // A complete run that is resumed has this record already.
  if (metrics_->last_step("test_accuracy") != progress.step) {
    metrics_->append(progress.step,
                     {{"test_accuracy", result.accuracy}, {"test_loss", result.loss}});
    metrics_->flush();
  }
  bar_->print_line(fmt::format("epoch {}: test accuracy {:.2f} %, test loss {:.4f}", progress.epoch,
                               100 * result.accuracy, result.loss));
}

void RunReporter::print_line(std::string_view line) { bar_->print_line(line); }

double RunReporter::seconds_per_step() const { return median(step_seconds_); }

void RunReporter::finish() { bar_->finish(); }

void RunReporter::finish(const Summary& summary) {
  if (!first_) return;
  write_summary(job_.output.dir, summary);
  bar_->finish();
  if (!options_.quiet) fmt::print("{}", result_table(summary));
}

}  // namespace terse
