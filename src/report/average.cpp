#include <algorithm>
#include <cmath>

#include "terse/report/summary.h"

namespace terse {
namespace {

template <class Field>
double mean(std::span<const Summary* const> runs, Field field) {
  double sum = 0;
  for (const Summary* run : runs) sum += run->*field;
  return sum / static_cast<double>(runs.size());
}

Summary average_of(std::span<const Summary* const> runs) {
  Summary all = *runs.front();
  for (const auto field :
       {&Summary::test_accuracy, &Summary::test_loss, &Summary::seconds, &Summary::seconds_per_step,
        &Summary::bytes_sent_per_step_per_rank, &Summary::dense_bytes_per_step_per_rank}) {
    all.*field = mean(runs, field);
  }
  if (all.compression_ratio && runs.size() > 1)
    all.compression_ratio = all.dense_bytes_per_step_per_rank / all.bytes_sent_per_step_per_rank;
  const auto [low, high] =
      std::ranges::minmax_element(runs, {}, [](const Summary* run) { return run->test_accuracy; });
  all.extra["runs"] = static_cast<double>(runs.size());
  all.extra["accuracy_low"] = (*low)->test_accuracy;
  all.extra["accuracy_high"] = (*high)->test_accuracy;
  return all;
}

}  // namespace

std::string label(const Summary& summary) {
  const auto level = summary.extra.find("level");
  const std::string* text =
      level == summary.extra.end() ? nullptr : std::get_if<std::string>(&level->second);
  return text == nullptr || text->empty() ? summary.codec : summary.codec + ", " + *text;
}

std::vector<Summary> average(std::span<const Summary> runs) {
  std::vector<std::string> labels;
  for (const Summary& run : runs) {
    if (std::ranges::find(labels, label(run)) == labels.end()) labels.push_back(label(run));
  }
  std::vector<Summary> averages;
  for (const std::string& name : labels) {
    std::vector<const Summary*> same;
    for (const Summary& run : runs) {
      if (label(run) == name) same.push_back(&run);
    }
    averages.push_back(average_of(same));
  }
  return averages;
}

}  // namespace terse
