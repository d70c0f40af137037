#include "terse/report/summary.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "terse/base/error.h"
#include "terse/base/file.h"

namespace terse {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json to_json(const Summary& summary) {
  Json json;
  json["test_accuracy"] = number_or_null(summary.test_accuracy);
  json["test_loss"] = number_or_null(summary.test_loss);
  json["steps"] = summary.steps;
  json["seconds"] = number_or_null(summary.seconds);
  json["seconds_per_step"] = number_or_null(summary.seconds_per_step);
  json["bytes_sent_per_step_per_rank"] = number_or_null(summary.bytes_sent_per_step_per_rank);
  json["dense_bytes_per_step_per_rank"] = number_or_null(summary.dense_bytes_per_step_per_rank);
  json["compression_ratio"] =
      summary.compression_ratio ? number_or_null(*summary.compression_ratio) : Json(nullptr);
  json["parameter_hash"] = summary.parameter_hash;
  json["world"] = Json{{"size", summary.world.size}, {"kind", summary.world.kind}};
  json["codec"] = summary.codec;
  json["terse_version"] = summary.terse_version;
  if (!summary.job.empty()) {
    Json job = Json::object();
    for (const auto& [key, value] : summary.job) job[key] = value;
    json["job"] = std::move(job);
  }
  if (!summary.data_fingerprint.empty()) json["data_fingerprint"] = summary.data_fingerprint;
  for (const auto& [name, value] : summary.extra) {
    if (json.contains(name))
      fail("'{}' is a regular field of a summary and cannot be an extra one.", name);
    const double* number = std::get_if<double>(&value);
    json[name] = number != nullptr ? number_or_null(*number) : Json(std::get<std::string>(value));
  }
  return json;
}

// Takes the known fields out of an object; the ones that are left are the extra fields. Throws
// Error with the rest of a sentence that begins with the file's name.
class Fields {
 public:
  explicit Fields(Json json) : json_(std::move(json)) {
    if (!json_.is_object()) fail("is not a run's summary: it is not a JSON object.");
  }
  double number(const char* name) {
    const Json value = take(name);
    if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
    if (!value.is_number())
      fail("is not a run's summary: '{}' must be a number, not {}.", name, value.dump());
    return value.get<double>();
  }
  std::optional<double> optional_number(const char* name) {
    const double value = number(name);
    return std::isnan(value) ? std::nullopt : std::optional(value);
  }
  std::int64_t integer(const char* name) {
    const Json value = take(name);
    if (!value.is_number_integer())
      fail("is not a run's summary: '{}' must be an integer, not {}.", name, value.dump());
    return value.get<std::int64_t>();
  }
  std::string text(const char* name) {
    const Json value = take(name);
    if (!value.is_string())
      fail("is not a run's summary: '{}' must be a string, not {}.", name, value.dump());
    return value.get<std::string>();
  }
  bool contains(const char* name) const { return json_.contains(name); }
  // The members of an object of strings, in the order of the file.
  JobRecord texts(const char* name) {
    const Json object = take(name);
    JobRecord record;
    if (!object.is_object())
      fail("is not a run's summary: '{}' must be an object, not {}.", name, object.dump());
    for (const auto& [key, value] : object.items()) {
      if (!value.is_string())
        fail("is not a run's summary: '{}' in '{}' must be a string, not {}.", key, name,
             value.dump());
      record.emplace_back(key, value.get<std::string>());
    }
    return record;
  }
  Json take(const char* name) {
    const auto found = json_.find(name);
    if (found == json_.end()) fail("is not a run's summary: it has no '{}'.", name);
    Json value = *found;
    json_.erase(found);
    return value;
  }
  std::map<std::string, std::variant<double, std::string>> rest() const {
    std::map<std::string, std::variant<double, std::string>> rest;
    for (const auto& [name, value] : json_.items()) {
      if (value.is_number()) rest[name] = value.get<double>();
      if (value.is_null()) rest[name] = std::numeric_limits<double>::quiet_NaN();
      if (value.is_string()) rest[name] = value.get<std::string>();
    }
    return rest;
  }

 private:
  Json json_;
};

Summary from_json(Json json) {
  Fields fields(std::move(json));
  Summary summary;
  summary.test_accuracy = fields.number("test_accuracy");
  summary.test_loss = fields.number("test_loss");
  summary.steps = fields.integer("steps");
  summary.seconds = fields.number("seconds");
  summary.seconds_per_step = fields.number("seconds_per_step");
  summary.bytes_sent_per_step_per_rank = fields.number("bytes_sent_per_step_per_rank");
  summary.dense_bytes_per_step_per_rank = fields.number("dense_bytes_per_step_per_rank");
  summary.compression_ratio = fields.optional_number("compression_ratio");
  summary.parameter_hash = fields.text("parameter_hash");
  summary.codec = fields.text("codec");
  summary.terse_version = fields.text("terse_version");
  if (fields.contains("job")) summary.job = fields.texts("job");
  if (fields.contains("data_fingerprint"))
    summary.data_fingerprint = fields.text("data_fingerprint");
  Fields world(fields.take("world"));
  const std::int64_t size = world.integer("size");
  if (size < 1 || size > std::numeric_limits<int>::max())
    fail("is not a run's summary: 'size' must be a number of ranks, not {}.", size);
  summary.world = {static_cast<int>(size), world.text("kind")};
  summary.extra = fields.rest();
  return summary;
}

}  // namespace

void write_summary(const fs::path& dir, const Summary& summary) {
  write_atomic(dir / "summary.json",
               to_json(summary).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

fs::path summary_path(const fs::path& path) {
  return fs::is_directory(path) ? path / "summary.json" : path;
}

Summary read_summary(const fs::path& path) {
  const fs::path file = summary_path(path);
  const std::string text = read_text(file);
  try {
    return from_json(Json::parse(text));
  } catch (const Error& error) {
    fail("{} {}", file.string(), error.what());
  } catch (const Json::exception& error) {
    fail("{} is not a run's summary ({}).", file.string(), error.what());
  }
}

}  // namespace terse
