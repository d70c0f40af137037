#include "terse/config/rules.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <vector>

#include "terse/base/error.h"
#include "terse/compressors/codec_options.h"
#include "terse/compressors/feedback.h"
#include "terse/config/arguments.h"

namespace terse {
namespace {

// `key` has an effect only while `selector` has one of `values`.
struct Dependency {
  std::string key;
  const char* selector;
  std::vector<std::string> values;
};

std::vector<std::string> feedbacks_with_beta() {
  std::vector<std::string> names;
  for (const FeedbackInfo& info : feedbacks()) {
    if (info.beta != 0) names.emplace_back(info.name);
  }
  return names;
}

void add_codec_dependencies(std::vector<Dependency>& all) {
  const auto add = [&](const std::string& name, const CodecFilter& read_by) {
    all.push_back({"compression." + name, "compression.codec", codecs_where(read_by)});
  };
  add("bits", has_level(Level::bits));
  add("density", has_level(Level::density));
  add("rank", has_level(Level::rank));
  for (const CodecOption& option : codec_options()) add(option.name, option.read_by);
  // Exact codecs have no error to feed back, and dgc's feedback is part of the method.
  const CodecFilter dgc = has_feedback("dgc");
  add("feedback", [&](const CodecInfo& info) { return info.name != "none" && !dgc(info); });
  for (const char* name :
       {"warmup_epochs", "warmup_densities", "clip_norm", "clip_scope", "masking"})
    add(name, dgc);
}

std::vector<Dependency> dependencies() {
  std::vector<Dependency> all = {
      {"model.hidden", "model.name", {"mlp"}},
      {"optimizer.momentum", "optimizer.name", {"sgd"}},
      {"optimizer.nesterov", "optimizer.name", {"sgd"}},
      {"optimizer.beta1", "optimizer.name", {"adamw"}},
      {"optimizer.beta2", "optimizer.name", {"adamw"}},
      {"optimizer.eps", "optimizer.name", {"adamw"}},
      {"schedule.milestones", "schedule.kind", {"step"}},
      {"schedule.gamma", "schedule.kind", {"step"}},
      {"schedule.min_lr", "schedule.kind", {"cosine"}},
  };
  add_codec_dependencies(all);
  // After compression.feedback, which reset_unread() may reset first.
  all.push_back({"compression.beta", "compression.feedback", feedbacks_with_beta()});
  all.push_back({"compression.gamma", "compression.feedback", {"decay"}});
  return all;
}

bool from_command_line(const ExplicitSettings& settings, const std::string& key) {
  const auto found = settings.find(key);
  return found != settings.end() && found->second.origin == kCommandLine;
}

// The origin of the first of `keys` that was set; defaults alone are never a wrong combination.
std::string origin_of(const ExplicitSettings& settings, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (const auto found = settings.find(key); found != settings.end()) return found->second.origin;
  }
  return "default";
}

void check_schedule(const Job& job, const ExplicitSettings& settings) {
  const ScheduleJob& schedule = job.schedule;
  const std::vector<double>& milestones = schedule.milestones;
  if (schedule.kind == "step" && milestones.empty()) {
    fail<JobError>(
        "{}: schedule.kind = step needs schedule.milestones, the epochs at which the rate drops.",
        origin_of(settings, {"schedule.kind", "schedule.milestones"}));
  }
  if (std::adjacent_find(milestones.begin(), milestones.end(), std::greater_equal<>()) !=
      milestones.end()) {
    fail<JobError>("{}: schedule.milestones must ascend.",
                   origin_of(settings, {"schedule.milestones"}));
  }
  const double epochs = schedule_epochs(job);
  if (schedule.kind == "cosine" && epochs > 0 && schedule.warmup_epochs > epochs) {
    fail<JobError>(
        "{}: schedule.warmup_epochs = {} is longer than the whole cosine, schedule.epochs = {}.",
        origin_of(settings, {"schedule.warmup_epochs", "schedule.epochs", "train.epochs"}),
        schedule.warmup_epochs, epochs);
  }
}

// The feedback that the job selects.
const FeedbackInfo& feedback_of(const CompressionJob& job) {
  return feedback_info(job.feedback == "default" ? codec_info(job.codec.name).feedback
                                                 : std::string_view(job.feedback));
}

void check_compression(const Job& job, const ExplicitSettings& settings) {
  const CompressionJob& compression = job.compression;
  if (feedback_of(compression).owns_momentum && job.optimizer.name != "sgd") {
    const bool own = compression.feedback == "default";
    fail<JobError>(
        "{}: compression.{} = {} keeps sgd's momentum inside the codec and cannot be combined with "
        "optimizer.name = {}; choose sgd or another codec.",
        origin_of(settings, {own ? "compression.codec" : "compression.feedback", "optimizer.name"}),
        own ? "codec" : "feedback", own ? compression.codec.name : compression.feedback,
        job.optimizer.name);
  }
  const std::vector<double>& densities = compression.warmup_densities;
  if (!densities.empty() &&
      static_cast<std::int64_t>(densities.size()) != compression.warmup_epochs) {
    fail<JobError>(
        "{}: compression.warmup_densities lists {} densities for compression.warmup_epochs = {}; "
        "give one "
        "for each warm-up epoch.",
        origin_of(settings, {"compression.warmup_densities", "compression.warmup_epochs"}),
        densities.size(), compression.warmup_epochs);
  }
}

}  // namespace

void reset_unread(const OptionTable& table, const std::map<std::string, std::string>& defaults,
                  const ExplicitSettings& settings) {
  for (const auto& [key, selector, values] : dependencies()) {
    const auto setting = settings.find(key);
    const std::string chosen = table.field(selector).text();
    if (setting == settings.end() ||
        std::find(values.begin(), values.end(), chosen) != values.end())
      continue;
    if (table.field(key).text() == defaults.at(key)) continue;
    if (from_command_line(settings, selector) && !from_command_line(settings, key)) {
      table.field(key).assign(defaults.at(key));
      continue;
    }
    fail<JobError>(
        "{}: {} = {} is read only where {} is {}, and it is {}; drop the one or change the other.",
        setting->second.origin, key, printable(setting->second.value), selector,
        fmt::join(values, " | "), chosen);
  }
}

void check_combinations(const Job& job, const ExplicitSettings& settings) {
  if (job.data.kind != "hdf5" && !settings.contains("data.path")) {
    fail<JobError>("{}: data.kind = {} needs data.path, the file or folder of the data set.",
                   origin_of(settings, {"data.kind"}), job.data.kind);
  }
  if (job.optimizer.nesterov && job.optimizer.momentum == 0) {
    fail<JobError>("{}: optimizer.nesterov = true needs optimizer.momentum above 0.",
                   origin_of(settings, {"optimizer.nesterov", "optimizer.momentum"}));
  }
  check_schedule(job, settings);
  check_compression(job, settings);
}

}  // namespace terse
