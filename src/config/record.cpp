#include <algorithm>
#include <array>
#include <map>

#include "terse/base/error.h"
#include "terse/config/options.h"
#include "terse/config/table.h"
#include "terse/config/text/ini.h"
#include "terse/config/text/units.h"

namespace terse {
namespace {

constexpr const char* kNothing =
    "nothing";  // stands for a key that a record of another version lacks

bool may_differ(const std::string& key) {
  return key.starts_with("output.") || key.starts_with("link.") || key == "train.epochs" ||
         key == "train.max_steps" || key == "world.timeout";
}

struct Difference {
  std::string key, a, b;
};

// In the order of `a`, then the keys that only `b` has.
std::vector<Difference> differences(const Record& a, const Record& b) {
  const std::map<std::string, std::string> in_a(a.begin(), a.end());
  const std::map<std::string, std::string> in_b(b.begin(), b.end());
  std::vector<Difference> found;
  for (const auto& [key, value] : a) {
    const auto other = in_b.find(key);
    if (other == in_b.end()) {
      found.push_back({key, value, kNothing});
    } else if (other->second != value) {
      found.push_back({key, value, other->second});
    }
  }
  for (const auto& [key, value] : b) {
    if (!in_a.contains(key)) found.push_back({key, kNothing, value});
  }
  return found;
}

}  // namespace

Record resolved(const Job& job) {
  Job copy = job;
  copy.schedule.epochs = schedule_epochs(job);
  const OptionTable table(copy);
  Record record;
  for (const std::string& key : table.keys()) record.emplace_back(key, table.field(key).text());
  return record;
}

std::string to_ini(const Job& job) {
  std::string text;
  std::string section;
  for (const auto& [key, value] : resolved(job)) {
    const auto dot = key.find('.');
    if (key.substr(0, dot) != section) {
      section = key.substr(0, dot);
      text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    }
    text += fmt::format("{} = {}\n", key.substr(dot + 1), quote_ini(value));
  }
  return text;
}

std::optional<std::string> first_difference(const Record& a, const Record& b) {
  const std::vector<Difference> found = differences(a, b);
  if (found.empty()) return std::nullopt;
  const auto& [key, in_a, in_b] = found[0];
  return fmt::format("{0}={1} against {0}={2}", key, in_a, in_b);
}

std::vector<std::string> resume_conflicts(const Record& before, const Record& now) {
  std::vector<std::string> conflicts;
  for (const auto& [key, old_value, new_value] : differences(before, now)) {
    if (may_differ(key)) continue;
    conflicts.push_back(fmt::format("{}: {} in the checkpoint, now {}", key, old_value, new_value));
  }
  return conflicts;
}

Defaults resume_defaults(Defaults defaults, const Record& before) {
  const auto found = std::find_if(before.begin(), before.end(), [](const auto& entry) {
    return entry.first == "schedule.epochs";
  });
  if (found != before.end()) defaults.schedule_epochs = parse_number(found->second);
  return defaults;
}

}  // namespace terse
