#include "terse/report/metrics/metrics_jsonl.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "terse/base/error.h"

namespace terse {
namespace {

using Json = nlohmann::ordered_json;

// Throws Json::exception unless the line is a record.
void parse_record(std::string_view line, std::int64_t last_step, ParsedMetrics& records) {
  const Json json = Json::parse(line);
  const std::int64_t step = json.at("step").get<std::int64_t>();
  if (step > last_step) return;
  records.text.append(line).push_back('\n');
  for (const auto& [name, value] : json.items()) {
    if (name == "step") continue;
    append_value(records.series, name, step,
                 value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
  }
}

}  // namespace

std::string metrics_line(std::int64_t step, std::span<const MetricValue> values) {
  Json json;
  json["step"] = step;
  for (const MetricValue& entry : values)
    json[entry.name] = std::isfinite(entry.value) ? Json(entry.value) : Json(nullptr);
  return json.dump() + "\n";
}

ParsedMetrics parse_metrics(std::string_view text, std::int64_t last_step,
                            const std::filesystem::path& path) {
  ParsedMetrics records;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    if (end == text.npos) break;  // incomplete
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    try {
      parse_record(line, last_step, records);
    } catch (const Json::exception& error) {
      if (text.empty()) break;
      fail("{}:{}: this line is not a metrics record ({}). Remove it to resume.", path.string(),
           number, error.what());
    }
  }
  return records;
}

}  // namespace terse
