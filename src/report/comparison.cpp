#include "terse/report/comparison.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "terse/base/error.h"

namespace terse {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFingerprint = "data (fingerprint)";
constexpr std::string_view kRanks = "ranks";
constexpr std::string_view kVersion = "terse version";
constexpr std::string_view kRun = "run";
constexpr const char* kNone = "-";

// Keys in which repetitions of one job may differ. Paths differ from machine to machine; the data's
// fingerprint does not.
bool may_differ(std::string_view key) {
  return key == "train.seed" || key == "data.path" || key.starts_with("output.");
}

std::string codec_text(const Summary& summary) {
  const auto level = summary.extra.find("level");
  const std::string* text =
      level == summary.extra.end() ? nullptr : std::get_if<std::string>(&level->second);
  return text == nullptr || text->empty() ? summary.codec : summary.codec + ", " + *text;
}

std::map<std::string, std::string> settings_of(const ComparedRun& run) {
  const Summary& summary = run.summary;
  std::map<std::string, std::string> settings;
  for (const auto& [key, value] : summary.job) {
    if (!may_differ(key)) settings.emplace(key, value);
  }
  if (!summary.data_fingerprint.empty()) settings.emplace(kFingerprint, summary.data_fingerprint);
  settings.emplace(kRanks, fmt::format("{} ({})", summary.world.size, summary.world.kind));
  settings.emplace(kVersion, summary.terse_version);
  if (summary.job.empty()) settings.emplace(kRun, run.folder);
  return settings;
}

using Members = std::vector<const Summary*>;

double mean(const Members& runs, double Summary::*field) {
  double sum = 0;
  for (const Summary* run : runs) sum += run->*field;
  return sum / static_cast<double>(runs.size());
}

void average(const Members& runs, RunGroup& group) {
  group.runs = static_cast<int>(runs.size());
  Summary& all = group.mean;
  for (const auto field :
       {&Summary::test_accuracy, &Summary::test_loss, &Summary::seconds, &Summary::seconds_per_step,
        &Summary::bytes_sent_per_step_per_rank, &Summary::dense_bytes_per_step_per_rank}) {
    all.*field = mean(runs, field);
  }
  if (all.compression_ratio && runs.size() > 1)
    all.compression_ratio = all.dense_bytes_per_step_per_rank / all.bytes_sent_per_step_per_rank;
  const auto [low, high] =
      std::ranges::minmax_element(runs, {}, [](const Summary* run) { return run->test_accuracy; });
  group.lowest_accuracy = (*low)->test_accuracy;
  group.highest_accuracy = (*high)->test_accuracy;
}

// The settings in the order in which a table shows them.
std::vector<std::string> setting_names(std::span<const ComparedRun> runs) {
  std::vector<std::string> names;
  const auto add = [&names](std::string_view name) {
    if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
  };
  for (const ComparedRun& run : runs) {
    for (const auto& [key, value] : run.summary.job) {
      if (!may_differ(key)) add(key);
    }
  }
  for (const std::string_view name : {kFingerprint, kRanks, kVersion, kRun}) add(name);
  return names;
}

// A text that is shown anyway and mostly tells the setting's value: the setting itself is shown
// only if it differs between groups in which that text is the same.
std::string implied_by(const RunGroup& group, std::string_view name) {
  constexpr std::array<std::string_view, 5> kLevelKeys = {
      "compression.bits", "compression.density", "compression.rank", "compression.warmup_epochs",
      "compression.warmup_densities"};
  if (std::ranges::find(kLevelKeys, name) != kLevelKeys.end()) return group.codec;
  if (name == "schedule.epochs") return setting_text(group, "train.epochs");
  if (name == kFingerprint) return setting_text(group, "data.limit");
  return "";
}

bool differs(const std::vector<RunGroup>& groups, const std::string& name) {
  if (name == "compression.codec") return false;  // has its column
  const bool is_unknown_without_job = name != kRanks && name != kVersion && name != kRun;
  std::map<std::string, std::set<std::string>> values;
  for (const RunGroup& group : groups) {
    if (is_unknown_without_job && group.mean.job.empty()) continue;
    values[implied_by(group, name)].insert(setting_text(group, name));
  }
  return std::ranges::any_of(values, [](const auto& entry) { return entry.second.size() > 1; });
}

bool is_compression(const std::pair<const std::string, std::string>& setting) {
  return setting.first.starts_with("compression.");
}

}  // namespace

std::vector<ComparedRun> read_runs(std::span<const std::string> folders) {
  std::vector<ComparedRun> runs;
  std::map<fs::path, std::string> named;  // by file
  for (const std::string& folder : folders) {
    runs.push_back({folder, read_summary(folder)});
    const auto [before, is_new] = named.emplace(fs::canonical(summary_path(folder)), folder);
    if (!is_new)
      fail<JobError>("{} and {} are the same run; name each run once.", before->second, folder);
  }
  return runs;
}

Comparison compare_runs(std::span<const ComparedRun> runs) {
  Comparison comparison;
  std::vector<Members> members;  // of each group
  for (const ComparedRun& run : runs) {
    const std::string codec = codec_text(run.summary);
    const auto settings = settings_of(run);
    std::size_t i = 0;
    while (i < comparison.groups.size() &&
           (comparison.groups[i].codec != codec || comparison.groups[i].settings != settings))
      ++i;
    if (i == comparison.groups.size()) {
      comparison.groups.push_back({.mean = run.summary, .codec = codec, .settings = settings});
      members.emplace_back();
    }
    members[i].push_back(&run.summary);
  }
  for (std::size_t i = 0; i < members.size(); ++i) average(members[i], comparison.groups[i]);
  for (const std::string& name : setting_names(runs)) {
    if (differs(comparison.groups, name)) comparison.differing.push_back(name);
  }
  return comparison;
}

std::string setting_text(const RunGroup& group, const std::string& name) {
  const auto found = group.settings.find(name);
  return found == group.settings.end() ? kNone : found->second;
}

std::string group_label(const RunGroup& group, const Comparison& comparison) {
  std::string label = group.codec;
  for (const std::string& name : comparison.differing)
    label += fmt::format(", {} {}", name, setting_text(group, name));
  return label;
}

const RunGroup* dense_group(const RunGroup& group, const Comparison& comparison) {
  const auto others = [](const RunGroup& one) {
    std::map<std::string, std::string> settings = one.settings;
    std::erase_if(settings, is_compression);
    return settings;
  };
  for (const RunGroup& other : comparison.groups) {
    if (other.mean.codec == "none" && others(other) == others(group)) return &other;
  }
  return nullptr;
}

}  // namespace terse
