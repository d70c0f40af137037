#include "terse/trainers/loop/trainer.h"

#include <ATen/Parallel.h>
#include <fmt/ranges.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <sstream>
#include <vector>

#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/base/median.h"
#include "terse/comm/torch/gradient_reducer.h"
#include "terse/comm/transport/collectives.h"
#include "terse/config/options.h"
#include "terse/data/loader.h"
#include "terse/io/checkpoint.h"
#include "terse/report/metrics.h"
#include "terse/report/progress.h"
#include "terse/report/summary.h"
#include "terse/report/table.h"
#include "terse/trainers/loop/batch_tensors.h"
#include "terse/trainers/loop/describe.h"
#include "terse/trainers/loop/evaluate.h"
#include "terse/trainers/loop/job_parts.h"
#include "terse/trainers/loop/preflight.h"
#include "terse/trainers/loop/replicas.h"
#include "terse/trainers/loop/snapshot.h"
#include "terse/trainers/optimizer/optimizer.h"
#include "terse/trainers/optimizer/schedule.h"

namespace terse {
namespace {

class Run {
 public:
  Run(const Job& job, const Dataset& data, CommThread& thread, const TrainOptions& options);
  TrainEnd train();
  std::string plan_text() { return describe(job_, reducer_, thread_.size()); }

 private:
  std::vector<Parameter> parameters();
  void resume();
  void start_output();
  bool finished() const;
  void next_epoch();
  StepReport run_step(double rate, double& loss_sum);
  void backward(const Batch& batch, double rate, double& loss_sum);
  float clip_factor() const;
  void report_nonfinite(const StepReport& report);
  void log_interval(double rate);
  void evaluate_now();
  void save();
  void summarize();

  const Job job_;
  const Dataset& data_;
  CommThread& thread_;
  const TrainOptions options_;
  const bool first_;  // rank 0: the one that prints and writes
  std::shared_ptr<Model> model_;
  GradientReducer reducer_;
  std::unique_ptr<Optimizer> optimizer_;
  Loader loader_;
  Position position_;
  std::optional<MetricsWriter> metrics_;
  std::optional<Progress> progress_;
  std::optional<Score> score_;
  std::int64_t scored_step_ = -1, saved_step_ = -1;
  std::vector<double> step_seconds_, epoch_bytes_;
  double loss_sum_ = 0, sample_count_ = 0, wait_seconds_ = 0;  // since the last log
  std::size_t logged_steps_ = 0;                               // of step_seconds_
  Clock::time_point started_ = Clock::now();
  double seconds_before_ = 0;
};

GradientReducerOptions reducer_options(const Job& job, const TrainOptions& options) {
  return {.compression = compression_of(job),
          .seed = static_cast<std::uint64_t>(job.train.seed),
          .may_skip = job.train.on_nonfinite == "skip",
          .stop_wanted = options.stop_wanted,
          .broadcast_parameters = false};  // a function of the seed on every rank
}

Run::Run(const Job& job, const Dataset& data, CommThread& thread, const TrainOptions& options)
    : job_(job),
      data_(data),
      thread_(thread),
      options_(options),
      first_(thread.rank() == 0),
      model_(make_model(model_options(job, data), static_cast<std::uint64_t>(job.train.seed))),
      reducer_(*model_, thread, reducer_options(job, options)),
      optimizer_(make_optimizer(job.optimizer, parameters())),
      loader_(data, loader_options(job, thread.rank(), thread.size())) {}

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

void Run::resume() {
  std::optional<Manifest> manifest;
  all_or_throw(thread_, [&] {
    manifest = newest_manifest(job_.output.dir);
    if (!manifest)
      fail<JobError>("--resume found no checkpoint in {}; start without it.", job_.output.dir);
    require_world(job_.output.dir, *manifest, thread_.size());
    const std::vector<std::string> conflicts = resume_conflicts(manifest->job, resolved(job_));
    if (!conflicts.empty()) {
      fail<JobError>(
          "--resume cannot go on with another job: {}. Only train.epochs, train.max_steps, "
          "output.*, link.* and world.timeout may change.",
          fmt::join(conflicts, "; "));
    }
  });
  std::vector<std::vector<double>> steps =
      gather_values(thread_, std::array{static_cast<double>(manifest->step)});
  for (std::size_t rank = 0; rank < steps.size(); ++rank) {
    if (steps[rank][0] != steps[0][0]) {
      fail_together(
          "rank {} sees a checkpoint of step {} in {}, rank 0 one of step {}: output.dir must be "
          "one folder for all ranks.",
          rank, steps[rank][0], job_.output.dir, steps[0][0]);
    }
  }
  all_or_throw(thread_, [&] {
    reducer_.set_epoch(manifest->epoch);
    position_ = load_snapshot({*model_, *optimizer_, reducer_.reducer().state()},
                              read_rank_file(job_.output.dir, *manifest, thread_.rank()));
    loader_.seek(position_.epoch, position_.step_in_epoch);
    reducer_.set_step(static_cast<std::uint64_t>(position_.step));
  });
  check_replicas(thread_, *model_, position_.step);
  seconds_before_ = position_.seconds;
  epoch_bytes_ = position_.epoch_bytes;
  saved_step_ = position_.step;
}

void Run::start_output() {
  all_or_throw(thread_, [&] {
    if (!first_) return;
    const std::size_t one_checkpoint =
        static_cast<std::size_t>(thread_.size()) *
        (3 * reducer_.arena_bytes() + reducer_.reducer().state().bytes());
    require_writable(job_.output.dir, 2 * one_checkpoint);
    const MetricUnits units = {
        {"seconds_per_step", "seconds"}, {"wait_seconds", "seconds"}, {"bytes_sent", "bytes"}};
    if (options_.resume) {
      metrics_ = MetricsWriter::resume(job_.output.dir, position_.step, resolved(job_), units);
    } else {
      remove_checkpoints(job_.output.dir);
      std::filesystem::remove(std::filesystem::path(job_.output.dir) / "summary.json");
      metrics_.emplace(job_.output.dir, resolved(job_), units);
    }
  });
  const std::int64_t total = job_.train.epochs * loader_.steps_per_epoch();
  const std::int64_t wanted =
      job_.train.max_steps > 0 ? std::min(total, job_.train.max_steps) : total;
  progress_.emplace(ProgressOptions{
      .active = first_ && !options_.quiet, .total = wanted, .first = position_.step});
}

bool Run::finished() const {
  if (position_.epoch >= job_.train.epochs) return true;
  return job_.train.max_steps > 0 && position_.step >= job_.train.max_steps;
}

void Run::backward(const Batch& batch, double rate, double& loss_sum) {
  reducer_.prepare(batch.last_of_step, {.lr = static_cast<float>(rate)});
  if (batch.count == 0) return;
  const at::Tensor logits = model_->forward(images_of(batch));
  const at::Tensor loss = at::cross_entropy_loss(logits, labels_of(batch), {}, at::Reduction::Sum,
                                                 -100, job_.train.label_smoothing);
  (loss * (static_cast<double>(thread_.size()) / static_cast<double>(batch.global_count)))
      .backward();
  loss_sum += loss.item<double>();
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

StepReport Run::run_step(double rate, double& loss_sum) {
  for (;;) {
    const Batch batch = loader_.next();
    backward(batch, rate, loss_sum);
    sample_count_ += static_cast<double>(batch.count);
    if (batch.last_of_step) break;
  }
  return reducer_.finish();
}

// Every rank knows the flag; now all learn the layers, so that each can say the whole sentence.
void Run::report_nonfinite(const StepReport& report) {
  std::string where;
  const std::vector<std::string> layers = gather_text(thread_, report.layer);
  for (std::size_t rank = 0; rank < layers.size(); ++rank) {
    if (!layers[rank].empty())
      where += fmt::format("{}layer {} of rank {}", where.empty() ? "" : ", ", layers[rank], rank);
  }
  const std::string sentence =
      fmt::format("step {}: the gradient holds NaN, Inf or a value beyond the codec's range in {}",
                  position_.step, where);
  if (job_.train.on_nonfinite == "stop") {
    fail_together("{}. Lower optimizer.lr, clip, or set train.on_nonfinite = skip.", sentence);
  }
  ++position_.skipped;
  if (first_ && !options_.quiet) progress_->say(sentence + "; the step is skipped.");
}

void Run::log_interval(double rate) {
  const double steps = static_cast<double>(step_seconds_.size() - logged_steps_);
  const double bytes = epoch_bytes_.empty() ? 0 : epoch_bytes_.back();
  const std::vector<double> sums =
      sum_values(thread_, std::array{loss_sum_, sample_count_, wait_seconds_, bytes});
  const double loss = sums[1] > 0 ? sums[0] / sums[1] : 0;
  if (first_) {
    const double world = thread_.size();
    const std::vector<double> recent(step_seconds_.end() - static_cast<std::ptrdiff_t>(steps),
                                     step_seconds_.end());
    metrics_->append(position_.step, {{"train_loss", loss},
                                      {"learning_rate", rate},
                                      {"seconds_per_step", median(recent)},
                                      {"wait_seconds", sums[2] / world / std::max(steps, 1.0)},
                                      {"bytes_sent", sums[3] / world},
                                      {"skipped_steps", static_cast<double>(position_.skipped)}});
    metrics_->flush();
    progress_->update(position_.step, loss);
  }
  loss_sum_ = sample_count_ = wait_seconds_ = 0;
  logged_steps_ = step_seconds_.size();
}

void Run::evaluate_now() {
  if (scored_step_ == position_.step) return;
  score_ = evaluate(*model_, data_, thread_, job_.data.normalize);
  scored_step_ = position_.step;
  if (!first_) return;
  // A run that had ended and is resumed has this record already.
  if (metrics_->last_step("test_accuracy") != position_.step) {
    metrics_->append(position_.step,
                     {{"test_accuracy", score_->accuracy}, {"test_loss", score_->loss}});
    metrics_->flush();
  }
  progress_->say(fmt::format("epoch {}: test accuracy {:.2f} %, test loss {:.4f}", position_.epoch,
                             100 * score_->accuracy, score_->loss));
}

void Run::save() {
  if (saved_step_ == position_.step) return;
  position_.seconds =
      seconds_before_ + std::chrono::duration<double>(Clock::now() - started_).count();
  position_.epoch_bytes = epoch_bytes_;
  RankFile file;
  all_or_throw(thread_, [&] {
    const std::vector<std::byte> bytes =
        save_snapshot({*model_, *optimizer_, reducer_.reducer().state()}, position_);
    file = write_rank_file(job_.output.dir, position_.step, thread_.rank(), bytes);
  });
  const std::vector<std::string> files =
      gather_text(thread_, fmt::format("{} {} {}", file.size_bytes, file.checksum, file.name));
  all_or_throw(thread_, [&] {
    if (!first_) return;
    Manifest manifest{.step = position_.step,
                      .epoch = position_.epoch,
                      .world_size = thread_.size(),
                      .terse_version = options_.version,
                      .parameter_hash = fmt::format("{:016x}", parameter_hash(*model_)),
                      .job = resolved(job_),
                      .ranks = {}};
    for (const std::string& text : files) {
      RankFile one;
      std::istringstream stream(text);
      stream >> one.size_bytes >> one.checksum >> one.name;
      manifest.ranks.push_back(one);
    }
    write_manifest(job_.output.dir, manifest);
    prune_checkpoints(job_.output.dir, static_cast<int>(job_.output.keep));
  });
  saved_step_ = position_.step;
}

void Run::summarize() {
  check_replicas(thread_, *model_, position_.step);
  evaluate_now();
  const std::vector<double> bytes = sum_values(
      thread_, std::array{median(epoch_bytes_), static_cast<double>(reducer_.dense_bytes())});
  const double world = thread_.size();
  if (!first_) return;
  Summary summary{
      .test_accuracy = score_->accuracy,
      .test_loss = score_->loss,
      .steps = position_.step,
      .seconds = seconds_before_ + std::chrono::duration<double>(Clock::now() - started_).count(),
      .seconds_per_step = median(step_seconds_),
      .bytes_sent_per_step_per_rank = bytes[0] / world,
      .dense_bytes_per_step_per_rank = bytes[1] / world,
      .compression_ratio = {},
      .parameter_hash = fmt::format("{:016x}", parameter_hash(*model_)),
      .world = {thread_.size(), options_.world_kind},
      .codec = job_.compression.codec,
      .terse_version = options_.version,
      .extra = {{"level", level_text(reducer_.plan())},
                {"seed", static_cast<double>(job_.train.seed)},
                {"skipped_steps", static_cast<double>(position_.skipped)}}};
  if (thread_.size() > 1 && bytes[0] > 0) summary.compression_ratio = bytes[1] / bytes[0];
  write_summary(job_.output.dir, summary);
  progress_->finish();
  if (!options_.quiet) fmt::print("{}", end_table(summary));
}

TrainEnd Run::train() {
  if (options_.resume) resume();
  start_output();
  if (const std::string warning = warn_if_no_gain(reducer_);
      first_ && !options_.quiet && !warning.empty()) {
    progress_->say("warning: " + warning);
  }
  if (first_ && !options_.quiet && waits_for_all_layers(reducer_.plan())) {
    progress_->say(
        "note: compression.clip_scope = global needs the norm over all layers, so nothing leaves "
        "before backward is over.");
  }
  started_ = Clock::now();
  const std::int64_t per_epoch = loader_.steps_per_epoch();
  bool interrupted = false;
  while (!finished() && !interrupted) {
    if (position_.step_in_epoch == 0) epoch_bytes_.clear();
    reducer_.set_epoch(position_.epoch);
    const Clock::time_point begin = Clock::now();
    const double rate = learning_rate(job_, position_.step, per_epoch);
    // A step that is skipped must not leave its NaN in BatchNorm's statistics.
    std::optional<BufferCopy> before;
    if (job_.train.on_nonfinite == "skip") before.emplace(*model_);
    const StepReport report = run_step(rate, loss_sum_);
    if (report.nonfinite) {
      report_nonfinite(report);
      before->restore();
    } else {
      optimizer_->step(rate, clip_factor());
    }
    step_seconds_.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    epoch_bytes_.push_back(static_cast<double>(report.bytes_sent));
    wait_seconds_ += report.wait_seconds;
    interrupted = report.stop_wanted;

    ++position_.step;
    const bool epoch_ends = ++position_.step_in_epoch == per_epoch;
    if (epoch_ends) {
      ++position_.epoch;
      position_.step_in_epoch = 0;
    }
    if (interrupted || position_.step % job_.output.log_every == 0 || finished())
      log_interval(rate);
    if (job_.world.check_every > 0 && position_.step % job_.world.check_every == 0) {
      check_replicas(thread_, *model_, position_.step);
    }
    if (interrupted) break;
    if (epoch_ends && job_.output.eval_every > 0 && position_.epoch % job_.output.eval_every == 0)
      evaluate_now();
    if (job_.output.checkpoint_every > 0 && position_.step % job_.output.checkpoint_every == 0)
      save();
  }
  save();
  if (interrupted && !finished()) {
    progress_->finish();
    return TrainEnd::interrupted;
  }
  summarize();
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
