#include "terse/trainers/loop/trainer.h"

#include <ATen/Parallel.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <optional>
#include <vector>

#include "terse/base/error.h"
#include "terse/base/median.h"
#include "terse/comm/torch/gradient_reducer.h"
#include "terse/comm/transport/collectives.h"
#include "terse/config/options.h"
#include "terse/data/loader.h"
#include "terse/report/summary.h"
#include "terse/trainers/checkpoint/checkpointing.h"
#include "terse/trainers/loop/batch_tensors.h"
#include "terse/trainers/loop/evaluate.h"
#include "terse/trainers/loop/job_parts.h"
#include "terse/trainers/loop/plan_description.h"
#include "terse/trainers/loop/preflight.h"
#include "terse/trainers/loop/replicas.h"
#include "terse/trainers/loop/run_reporter.h"
#include "terse/trainers/optimizer/optimizer.h"
#include "terse/trainers/optimizer/schedule.h"

namespace terse {
namespace {

// One rank's run.
class Run {
 public:
  Run(const Job& job, const Dataset& data, CommThread& thread, const TrainOptions& options);
  TrainEnd train();
  std::string plan_text() { return describe_plan(job_, reducer_, thread_.size()); }

 private:
  std::vector<Parameter> parameters();
  TrainingState state();
  void start();
  bool finished() const;
  double seconds() const;
  StepReport step(double rate);
  StepReport compute_gradients(double rate);
  void backward(const Batch& batch, double rate);
  float clip_factor() const;
  void report_nonfinite(const StepReport& report);
  bool advance();
  void evaluate_now();
  void save();
  Summary summarize();

  const Job job_;
  const Dataset& data_;
  CommThread& thread_;
  const TrainOptions options_;
  std::shared_ptr<Model> model_;
  GradientReducer reducer_;
  std::unique_ptr<Optimizer> optimizer_;
  Loader loader_;
  RunReporter reporter_;
  TrainingProgress progress_;
  std::optional<EvalResult> evaluation_;
  std::int64_t evaluated_step_ = -1, saved_step_ = -1;
  Clock::time_point started_ = Clock::now();
  double seconds_before_ = 0;  // of training before this process resumed it
};

GradientReducerOptions reducer_options(const Job& job, const TrainOptions& options) {
  return {.compression = compression_of(job),
          .seed = static_cast<std::uint64_t>(job.train.seed),
          .may_skip = job.train.on_nonfinite == "skip",
          .stop_wanted = options.stop_wanted,
          .broadcast_parameters = false};  // the seed alone determines them
}

Run::Run(const Job& job, const Dataset& data, CommThread& thread, const TrainOptions& options)
    : job_(job),
      data_(data),
      thread_(thread),
      options_(options),
      model_(make_model(model_options(job, data), static_cast<std::uint64_t>(job.train.seed))),
      reducer_(*model_, thread, reducer_options(job, options)),
      optimizer_(make_optimizer(job.optimizer, parameters())),
      loader_(data, loader_options(job, thread.rank(), thread.size())),
      reporter_(job_, thread, options) {}

std::vector<Parameter> Run::parameters() {
  std::vector<Parameter> parameters;
  for (const auto& item : model_->named_parameters()) {
    const at::Tensor& tensor = item.value();
    const auto size = static_cast<std::size_t>(tensor.numel());
    parameters.push_back({.name = item.key(),
                          .value = {tensor.data_ptr<float>(), size},
                          .grad = {tensor.grad().data_ptr<float>(), size},
                          .momentum_elsewhere = reducer_.owns_momentum(item.key())});
  }
  return parameters;
}

TrainingState Run::state() { return {*model_, *optimizer_, reducer_.reducer().state()}; }

void Run::start() {
  if (options_.resume) {
    progress_ = resume_training(job_, thread_, {state(), reducer_, loader_});
    seconds_before_ = progress_.seconds;
    saved_step_ = progress_.step;
  }
  const std::int64_t all_epochs = job_.train.epochs * loader_.steps_per_epoch();
  const std::int64_t total =
      job_.train.max_steps > 0 ? std::min(all_epochs, job_.train.max_steps) : all_epochs;
  // Parameters and at most two moments of the optimizer, each as large as the arena.
  reporter_.start(progress_, total,
                  3 * reducer_.arena_bytes() + reducer_.reducer().state().bytes());
  if (const std::string warning = warn_if_no_gain(reducer_); !warning.empty())
    reporter_.print_line("warning: " + warning);
  if (waits_for_all_layers(reducer_.plan())) {
    reporter_.print_line(
        "note: compression.clip_scope = global needs the norm over all layers, so no gradient is "
        "sent before backward is complete.");
  }
  started_ = Clock::now();
}

bool Run::finished() const {
  if (progress_.epoch >= job_.train.epochs) return true;
  return job_.train.max_steps > 0 && progress_.step >= job_.train.max_steps;
}

double Run::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(Clock::now() - started_).count();
}

void Run::backward(const Batch& batch, double rate) {
  reducer_.prepare(batch.last_of_step, {.lr = static_cast<float>(rate)});
  if (batch.count == 0) return;
  const at::Tensor logits = model_->forward(images_of(batch));
  const at::Tensor loss = at::cross_entropy_loss(logits, labels_of(batch), {}, at::Reduction::Sum,
                                                 -100, job_.train.label_smoothing);
  (loss * (static_cast<double>(thread_.size()) / static_cast<double>(batch.global_count)))
      .backward();
  reporter_.add_samples(loss.item<double>(), batch.count);
}

float Run::clip_factor() const {
  if (job_.train.clip_norm <= 0) return 1;
  double squares = 0;
  for (const auto& layer : reducer_.layers()) {
    for (std::uint32_t i = 0; i < layer.size; ++i)
      squares += static_cast<double>(layer.grad[i]) * layer.grad[i];
  }
  return static_cast<float>(std::min(1.0, job_.train.clip_norm / (std::sqrt(squares) + 1e-6)));
}

StepReport Run::compute_gradients(double rate) {
  for (;;) {
    const Batch batch = loader_.next();
    backward(batch, rate);
    if (batch.last_of_step) return reducer_.finish();
  }
}

// Every rank knows that a gradient is bad; gathers the layers, so that all throw the same sentence.
void Run::report_nonfinite(const StepReport& report) {
  std::string where;
  const std::vector<std::string> layers = gather_text(thread_, report.layer);
  for (std::size_t rank = 0; rank < layers.size(); ++rank) {
    if (!layers[rank].empty())
      where += fmt::format("{}layer {} of rank {}", where.empty() ? "" : ", ", layers[rank], rank);
  }
  const std::string sentence =
      fmt::format("step {}: the gradient holds NaN, Inf or a value beyond the codec's range in {}",
                  progress_.step, where);
  if (job_.train.on_nonfinite == "stop") {
    fail_together("{}. Lower optimizer.lr, set train.clip_norm, or set train.on_nonfinite = skip.",
                  sentence);
  }
  ++progress_.skipped;
  reporter_.print_line(sentence + "; the step is skipped.");
}

StepReport Run::step(double rate) {
  const Clock::time_point begin = Clock::now();
  // A skipped step must not leave its NaN in BatchNorm's statistics.
  std::optional<BufferBackup> before;
  if (job_.train.on_nonfinite == "skip") before.emplace(*model_);
  StepReport report = compute_gradients(rate);
  if (report.nonfinite) {
    report_nonfinite(report);
    before->restore();
  } else {
    optimizer_->step(rate, clip_factor());
  }
  reporter_.add_step(std::chrono::duration<double>(Clock::now() - begin).count(),
                     report.wait_seconds);
  progress_.epoch_bytes.push_back(static_cast<double>(report.bytes_sent));
  return report;
}

// Counts a step; returns whether it was the last of its epoch.
bool Run::advance() {
  ++progress_.step;
  if (++progress_.step_in_epoch < loader_.steps_per_epoch()) return false;
  ++progress_.epoch;
  progress_.step_in_epoch = 0;
  return true;
}

void Run::evaluate_now() {
  if (evaluated_step_ == progress_.step) return;
  evaluation_ = evaluate(*model_, data_, thread_, job_.data.normalize);
  evaluated_step_ = progress_.step;
  reporter_.log_evaluation(progress_, *evaluation_);
}

void Run::save() {
  if (saved_step_ == progress_.step) return;
  progress_.seconds = seconds();
  save_checkpoint(job_, thread_, state(), progress_, options_.version);
  saved_step_ = progress_.step;
}

Summary Run::summarize() {
  check_replicas(thread_, *model_, progress_.step);
  evaluate_now();
  const std::vector<double> bytes = sum_values(
      thread_,
      std::array{median(progress_.epoch_bytes), static_cast<double>(reducer_.dense_bytes())});
  const double world = thread_.size();
  Summary summary{.test_accuracy = evaluation_->accuracy,
                  .test_loss = evaluation_->loss,
                  .steps = progress_.step,
                  .seconds = seconds(),
                  .seconds_per_step = reporter_.seconds_per_step(),
                  .bytes_sent_per_step_per_rank = bytes[0] / world,
                  .dense_bytes_per_step_per_rank = bytes[1] / world,
                  .compression_ratio = {},
                  .parameter_hash = fmt::format("{:016x}", parameter_hash(*model_)),
                  .world = {thread_.size(), options_.world_kind},
                  .codec = job_.compression.codec.name,
                  .terse_version = options_.version,
                  .job = resolved(job_),
                  .data_fingerprint = fmt::format("{:016x}", data_.fingerprint),
                  .extra = {{"level", level_text(reducer_.plan())},
                            {"seed", static_cast<double>(job_.train.seed)},
                            {"skipped_steps", static_cast<double>(progress_.skipped)}}};
  if (thread_.size() > 1 && bytes[0] > 0) summary.compression_ratio = bytes[1] / bytes[0];
  return summary;
}

TrainEnd Run::train() {
  start();
  bool interrupted = false;
  while (!finished() && !interrupted) {
    if (progress_.step_in_epoch == 0) {
      progress_.epoch_bytes.clear();
      reducer_.set_epoch(progress_.epoch);
    }
    const double rate = learning_rate(job_, progress_.step, loader_.steps_per_epoch());
    interrupted = step(rate).stop_wanted;
    const bool epoch_ends = advance();
    if (interrupted || progress_.step % job_.output.log_every == 0 || finished())
      reporter_.log_interval(progress_, rate);
    if (job_.world.check_every > 0 && progress_.step % job_.world.check_every == 0)
      check_replicas(thread_, *model_, progress_.step);
    if (interrupted) break;
    if (epoch_ends && job_.output.eval_every > 0 && progress_.epoch % job_.output.eval_every == 0)
      evaluate_now();
    if (job_.output.checkpoint_every > 0 && progress_.step % job_.output.checkpoint_every == 0)
      save();
  }
  save();
  if (interrupted && !finished()) {
    reporter_.finish();
    return TrainEnd::interrupted;
  }
  reporter_.finish(summarize());
  return TrainEnd::done;
}

}  // namespace

TrainEnd train(const Job& job, const Dataset& data, CommThread& thread,
               const TrainOptions& options) {
  at::set_num_threads(static_cast<int>(job.train.threads));
  require_same_job(job, data, thread);
  require_time_for_heartbeats(thread);
  Run run(job, data, thread, options);
  if (options.dry_run) {
    if (thread.rank() == 0) fmt::print("{}", run.plan_text());
    return TrainEnd::done;
  }
  return run.train();
}

}  // namespace terse
