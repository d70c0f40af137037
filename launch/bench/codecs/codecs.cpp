#include "terse/launch/bench/codecs/codecs.h"

#include <fmt/ranges.h>
#include <hwy/targets.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "terse/base/error.h"
#include "terse/config/arguments.h"
#include "terse/launch/bench/codecs/indices.h"
#include "terse/launch/bench/codecs/measure.h"
#include "terse/report/table.h"

namespace terse {
namespace {

const std::array<Switch, 5> kSwitches = {{
    {"codec", "NAME", "measure the lines of one codec; default all"},
    {"repeat", "N", "measure each N times and take the best; default 7"},
    {"threads", "N", "measure also N threads that divide the tensors; default 1"},
    {"json", "FILE", "also write the numbers there"},
    {"help", "", "this text"},
}};

const char* name_of(Pass pass) {
  switch (pass) {
    case Pass::encode:
      return "encode";
    case Pass::decode_add:
      return "decode-add";
    case Pass::scatter:
      return "scatter-add";
  }
  return "";
}

std::string table_of(std::span<const Measured> all, const Arena& arena) {
  std::vector<std::vector<std::string>> rows;
  for (const Measured& one : all) {
    const double bytes = one.bytes(arena);
    rows.push_back({one.line->title, name_of(one.line->pass),
                    fmt::format("{:.1f}", one.line->streams.bytes()), format_seconds(one.one.codec),
                    fmt::format("{:.1f}", bytes / one.one.codec * 1e-9),
                    fmt::format("{:.1f}", bytes / one.one.limit * 1e-9),
                    fmt::format("{:.0f} %", 100 * one.share()),
                    one.line->target > 0 ? fmt::format("{:.0f} %", 100 * one.line->target) : "-"});
  }
  return format_table(
      {"codec", "pass", "bytes/element", "time", "GB/s", "limit GB/s", "of limit", "target"}, rows);
}

std::string table_of(std::span<const IndexRate> rates) {
  std::vector<std::vector<std::string>> rows;
  for (const IndexRate& rate : rates) {
    rows.push_back({fmt::format("{} %", 100 * rate.density), fmt::format("{:.2f}", rate.bits),
                    fmt::format("{:.0f}", rate.per_second * 1e-6),
                    fmt::format("{:.0f}", kIndexRateTarget * 1e-6)});
  }
  return format_table({"Rice, density", "bits/index", "M indices/s", "target"}, rows);
}

// If the memory gives several threads no more bandwidth than one, they cannot be faster.
std::string threads_table(std::span<const Measured> all, int threads) {
  std::vector<std::vector<std::string>> rows;
  for (const Measured& one : all) {
    rows.push_back({one.line->title, name_of(one.line->pass), format_seconds(one.one.codec),
                    format_seconds(one.several.codec),
                    fmt::format("{:.2f}", one.one.codec / one.several.codec),
                    fmt::format("{:.2f}", one.one.limit / one.several.limit)});
  }
  return format_table({"codec", "pass", "one thread", fmt::format("{} threads", threads),
                       "times faster", "the memory alone"},
                      rows);
}

std::string table_of(const LowRankTime& time) {
  return format_table(
      {"PowerSGD, rank 4", "products by the library", "residual pass", "ratio", "target"},
      {{format_seconds(time.step), time.products ? format_seconds(*time.products) : "no LibTorch",
        format_seconds(time.residual), time.ratio() ? fmt::format("{:.2f}", *time.ratio()) : "-",
        fmt::format("{:.2f}", kLowRankTarget)}});
}

// Null if it is unknown.
nlohmann::json json_of(const std::optional<double>& number) {
  return number ? nlohmann::json(*number) : nlohmann::json();
}

struct Results {
  int repeat, threads;
  std::vector<Measured> lines;
  std::vector<IndexRate> rates;
  std::optional<LowRankTime> low_rank;
};

nlohmann::json json_of(const Results& results, const Arena& arena) {
  nlohmann::json lines = nlohmann::json::array();
  for (const Measured& one : results.lines) {
    const double bytes = one.bytes(arena);
    nlohmann::json line = {{"codec", one.line->title},
                           {"pass", name_of(one.line->pass)},
                           {"bytes_per_element", one.line->streams.bytes()},
                           {"seconds", one.one.codec},
                           {"gb_per_second", bytes / one.one.codec * 1e-9},
                           {"limit_gb_per_second", bytes / one.one.limit * 1e-9},
                           {"share_of_limit", one.share()},
                           {"target", one.line->target}};
    if (results.threads > 1) {
      line["seconds_by_threads"] = one.several.codec;
      line["limit_by_threads"] = one.several.limit;
    }
    lines.push_back(line);
  }
  nlohmann::json rice = nlohmann::json::array();
  for (const IndexRate& rate : results.rates) {
    rice.push_back({{"density", rate.density},
                    {"bits_per_index", rate.bits},
                    {"indices_per_second", rate.per_second},
                    {"target", kIndexRateTarget}});
  }
  nlohmann::json json = {
      {"elements", arena.elements()},
      {"repeat", results.repeat},
      {"threads", results.threads},
      {"instruction_set", hwy::TargetName(hwy::SupportedAndGeneratedTargets().front())},
      {"lines", lines},
      {"rice", rice}};
  if (results.low_rank) {
    json["powersgd"] = {{"seconds", results.low_rank->step},
                        {"products_by_library", json_of(results.low_rank->products)},
                        {"residual_pass", results.low_rank->residual},
                        {"ratio", json_of(results.low_rank->ratio())},
                        {"target", kLowRankTarget}};
  }
  return json;
}

void write_json(const std::string& path, const nlohmann::json& json) {
  std::ofstream file(path);
  file << json.dump(2) << '\n';
  file.close();
  if (!file) fail("the benchmark's numbers could not be written to '{}'.", path);
}

}  // namespace

int bench_codecs(std::span<const std::string> args, const MatrixProducts& library) {
  const Arguments arguments = parse_arguments(args, kSwitches);
  if (arguments.has("help")) {
    fmt::print(
        "terse bench codecs: a gradient of ResNet-50's shapes (25.56 M floats) through each "
        "codec\non one core, against the same reads and writes without arithmetic\n\n{}",
        help_text(kSwitches));
    return 0;
  }
  Results results{.repeat = count_of(arguments, "repeat", 7),
                  .threads = count_of(arguments, "threads", 1),
                  .lines = {},
                  .rates = {},
                  .low_rank = {}};
  const std::optional<std::string> wanted = arguments.value("codec");
  if (wanted) (void)codec_info(*wanted);
  Arena arena;
  for (const BenchCase& line : bench_cases()) {
    if (!wanted || line.codec.name == *wanted)
      results.lines.push_back(measure(line, arena, results.repeat, results.threads));
  }
  if (!results.lines.empty()) fmt::print("{}", table_of(results.lines, arena));
  if (results.threads > 1 && !results.lines.empty())
    fmt::print("\n{}", threads_table(results.lines, results.threads));
  if (!wanted) {
    results.rates = rice_rates(results.repeat);
    fmt::print("\n{}", table_of(results.rates));
  }
  if (!wanted || *wanted == "powersgd") {
    results.low_rank = low_rank_time(arena, library, results.repeat);
    fmt::print("\n{}", table_of(*results.low_rank));
  }
  if (const auto json = arguments.value("json")) write_json(*json, json_of(results, arena));
  return 0;
}

}  // namespace terse
