#include "terse/config/rules.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <vector>

#include "terse/base/error.h"
#include "terse/compressors/codec.h"
#include "terse/compressors/feedback.h"
#include "terse/config/arguments.h"

namespace terse {
namespace {

// `key` means something only while `chooser` has one of `values`.
struct ReadBy {
  const char* key;
  const char* chooser;
  std::vector<std::string> values;
};

std::vector<std::string> codecs_where(const std::function<bool(const CodecInfo&)>& holds) {
  std::vector<std::string> names;
  for (const CodecInfo& info : codecs()) {
    if (holds(info)) names.emplace_back(info.name);
  }
  return names;
}

std::vector<std::string> with_level(Level level) {
  return codecs_where([level](const CodecInfo& info) { return info.level == level; });
}

// All that send less than they were given, but for the one that is published with its own.
std::vector<std::string> open_to_feedback() {
  return codecs_where(
      [](const CodecInfo& info) { return info.name != "none" && info.feedback != "dgc"; });
}

std::vector<std::string> with_beta() {
  std::vector<std::string> names;
  for (const FeedbackInfo& info : feedbacks()) {
    if (info.beta != 0) names.emplace_back(info.name);
  }
  return names;
}

std::vector<ReadBy> readers() {
  return {
      {"model.hidden", "model.name", {"mlp"}},
      {"optimizer.momentum", "optimizer.name", {"sgd"}},
      {"optimizer.nesterov", "optimizer.name", {"sgd"}},
      {"optimizer.beta1", "optimizer.name", {"adamw"}},
      {"optimizer.beta2", "optimizer.name", {"adamw"}},
      {"optimizer.eps", "optimizer.name", {"adamw"}},
      {"schedule.milestones", "schedule.kind", {"step"}},
      {"schedule.gamma", "schedule.kind", {"step"}},
      {"schedule.min_lr", "schedule.kind", {"cosine"}},
      {"compression.bits", "compression.codec", with_level(Level::bits)},
      {"compression.bucket", "compression.codec", with_level(Level::bits)},
      {"compression.max_norm", "compression.codec", {"qsgd"}},
      {"compression.block", "compression.codec", {"fp8", "fp8_e5m2"}},
      {"compression.clip", "compression.codec", {"terngrad"}},
      {"compression.rounding", "compression.codec", {"maxmin"}},
      {"compression.density", "compression.codec", with_level(Level::density)},
      {"compression.rank", "compression.codec", with_level(Level::rank)},
      {"compression.alternating", "compression.codec", {"powersgd"}},
      {"compression.threshold", "compression.codec", {"threshold"}},
      {"compression.unbiased", "compression.codec", {"randomk", "randblock"}},
      {"compression.values", "compression.codec", with_level(Level::density)},
      {"compression.feedback", "compression.codec", open_to_feedback()},
      {"compression.beta", "compression.feedback", with_beta()},
      {"compression.gamma", "compression.feedback", {"decay"}},
      {"compression.warmup_epochs", "compression.codec", {"dgc"}},
      {"compression.warmup_densities", "compression.codec", {"dgc"}},
      {"compression.clip_norm", "compression.codec", {"dgc"}},
      {"compression.clip_scope", "compression.codec", {"dgc"}},
      {"compression.masking", "compression.codec", {"dgc"}},
      {"compression.sample_ratio", "compression.codec", {"dgc", "topk_sampled"}},
  };
}

bool from_command_line(const ExplicitSettings& given, const std::string& key) {
  const auto found = given.find(key);
  return found != given.end() && found->second.origin == kCommandLine;
}

// The first of `keys` that was set says where; a combination of defaults alone is never wrong.
std::string place(const ExplicitSettings& given, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (const auto found = given.find(key); found != given.end()) return found->second.origin;
  }
  return "default";
}

void check_schedule(const Job& job, const ExplicitSettings& given) {
  const ScheduleJob& schedule = job.schedule;
  const std::vector<double>& milestones = schedule.milestones;
  if (schedule.kind == "step" && milestones.empty()) {
    fail<JobError>(
        "{}: schedule.kind = step needs schedule.milestones, the epochs at which the rate drops.",
        place(given, {"schedule.kind", "schedule.milestones"}));
  }
  if (std::adjacent_find(milestones.begin(), milestones.end(), std::greater_equal<>()) !=
      milestones.end()) {
    fail<JobError>("{}: schedule.milestones must ascend.", place(given, {"schedule.milestones"}));
  }
  const double epochs = schedule_epochs(job);
  if (schedule.kind == "cosine" && epochs > 0 && schedule.warmup_epochs > epochs) {
    fail<JobError>(
        "{}: schedule.warmup_epochs = {} is longer than the whole cosine, schedule.epochs = {}.",
        place(given, {"schedule.warmup_epochs", "schedule.epochs", "train.epochs"}),
        schedule.warmup_epochs, epochs);
  }
}

// The feedback that a job's words come to.
const FeedbackInfo& feedback_of(const CompressionJob& job) {
  return feedback_info(job.feedback == "default" ? codec_info(job.codec).feedback
                                                 : std::string_view(job.feedback));
}

void check_compression(const Job& job, const ExplicitSettings& given) {
  const CompressionJob& settings = job.compression;
  if (feedback_of(settings).owns_momentum && job.optimizer.name != "sgd") {
    const bool own = settings.feedback == "default";
    fail<JobError>(
        "{}: compression.{} = {} keeps sgd's momentum inside the codec and cannot be combined with "
        "optimizer.name = {}; choose sgd or another codec.",
        place(given, {own ? "compression.codec" : "compression.feedback", "optimizer.name"}),
        own ? "codec" : "feedback", own ? settings.codec : settings.feedback, job.optimizer.name);
  }
  const std::vector<double>& densities = settings.warmup_densities;
  if (!densities.empty() && static_cast<std::int64_t>(densities.size()) != settings.warmup_epochs) {
    fail<JobError>(
        "{}: compression.warmup_densities lists {} densities for compression.warmup_epochs = {}; "
        "give one "
        "for each warm-up epoch.",
        place(given, {"compression.warmup_densities", "compression.warmup_epochs"}),
        densities.size(), settings.warmup_epochs);
  }
}

}  // namespace

void reset_unread(const OptionTable& table, const std::map<std::string, std::string>& defaults,
                  const ExplicitSettings& given) {
  for (const auto& [key, chooser, values] : readers()) {
    const auto setting = given.find(key);
    const std::string chosen = table.field(chooser).text();
    if (setting == given.end() || std::find(values.begin(), values.end(), chosen) != values.end())
      continue;
    if (table.field(key).text() == defaults.at(key)) continue;
    if (from_command_line(given, chooser) && !from_command_line(given, key)) {
      table.field(key).assign(defaults.at(key));
      continue;
    }
    fail<JobError>(
        "{}: {} = {} is read only where {} is {}, and it is {}; drop the one or change the other.",
        setting->second.origin, key, printable(setting->second.value), chooser,
        fmt::join(values, " | "), chosen);
  }
}

void check_combinations(const Job& job, const ExplicitSettings& given) {
  if (job.data.kind != "hdf5" && !given.contains("data.path")) {
    fail<JobError>("{}: data.kind = {} needs data.path, the file or folder of the data set.",
                   place(given, {"data.kind"}), job.data.kind);
  }
  if (job.optimizer.nesterov && job.optimizer.momentum == 0) {
    fail<JobError>("{}: optimizer.nesterov = true needs optimizer.momentum above 0.",
                   place(given, {"optimizer.nesterov", "optimizer.momentum"}));
  }
  check_schedule(job, given);
  check_compression(job, given);
}

}  // namespace terse
