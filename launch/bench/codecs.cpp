#include "terse/bench/codecs.h"

#include <fmt/ranges.h>
#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "terse/base/error.h"
#include "terse/bench/indices.h"
#include "terse/bench/lines.h"
#include "terse/bench/streams.h"
#include "terse/compressors/pass.h"
#include "terse/compressors/sparsifier.h"
#include "terse/config/arguments.h"
#include "terse/report/table.h"

namespace terse {
namespace {

using Clock = std::chrono::steady_clock;

const std::array<Switch, 4> kSwitches = {{
    {"codec", "NAME", "the lines of one codec; default all"},
    {"repeat", "N", "measure each N times and take the best; default 7"},
    {"json", "FILE", "write the numbers there, too"},
    {"help", "", "this text"},
}};

struct Measured {
  const Line* line;
  double seconds = 1e9, limit = 1e9;  // the best of all repeats

  double bytes(const Arena& arena) const {
    return line->streams.bytes() * static_cast<double>(arena.elements());
  }
  double share() const { return limit / seconds; }
};

// One codec's memory: a frame of the whole gradient, and what the codec works in.
class Bench {
 public:
  Bench(const Line& line, Arena& arena)
      : line_(line),
        codec_(make_codec(line.codec)),
        rows_(arena.rows().begin(), arena.rows().end()) {
    std::size_t capacity = 0, scratch = 0;
    std::vector<std::uint32_t> tags;
    for (Row& row : rows_) {
      row.level = line.level;
      tags.push_back(row_tag(row));
      capacity += codec_->capacity(row.n, row.level);
      scratch = std::max(scratch, codec_->scratch(row.n, row.level));
    }
    payload_.resize(std::max<std::size_t>(capacity, 1) + 64);
    scratch_.resize(scratch + 64);
    box_.resize(2);
    box_[1] = Frame(std::move(tags), capacity);
    box_[1].bind(payload_);
  }

  double encode() {
    for (Row& row : rows_) row.frame = 1;
    box_[1].clear();
    return timed([&] { codec_->encode(rows_, line_.feedback, {1, 2, 3, 0}, box_, exec()); });
  }
  double decode_add() {
    for (Row& row : rows_) row.frame = kEvery;
    return timed([&] { codec_->decode(rows_, box_, 0.5f, feedback::kNone, exec()); });
  }
  // With the checks that a receiver makes.
  double scatter() {
    const auto& codec = dynamic_cast<const Sparsifier&>(*codec_);
    return timed([&] {
      for (const Row& row : rows_) {
        const ConstBytes payload = box_[1].payload(row.slot);
        const std::uint32_t most = codec.most(row.n, row.level);
        if (const char* what = SparseReader::contradiction(payload, row.n, most, codec.values()))
          fail("{} wrote a message that is damaged: {}.", codec.name(), what);
        Scratch scratch(exec().scratch);
        const auto memory = SparseReader::carve(scratch, row.n, most, codec.values());
        const SparseReader reader(payload, row.n, codec.values());
        for (std::uint32_t chunk = 0; chunk * kChunk < row.n; ++chunk)
          reader.add_chunk(chunk, 0.5f, row.out + chunk * kChunk, memory);
      }
    });
  }
  double run(Verb verb) {
    switch (verb) {
      case Verb::encode:
        return encode();
      case Verb::decode_add:
        return decode_add();
      case Verb::scatter:
        return scatter();
    }
    return 0;
  }

 private:
  template <class Body>
  static double timed(Body&& body) {
    const Clock::time_point begin = Clock::now();
    body();
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }
  Exec exec() {
    const auto address = reinterpret_cast<std::uintptr_t>(scratch_.data());
    return {.scratch = Bytes(scratch_).subspan(round_up(address, 64) - address)};
  }

  const Line& line_;
  std::shared_ptr<const Codec> codec_;
  std::vector<Row> rows_;
  std::vector<std::byte> payload_, scratch_;
  Mailbox box_;
};

// Codec and limit in turn, so that what else the machine does meets both.
Measured measure(const Line& line, Arena& arena, int repeat) {
  arena.fill();
  Bench bench(line, arena);
  Measured result{&line};
  std::vector<std::byte> payload(4 * arena.gradient.size() + 64);
  if (line.verb != Verb::encode) (void)bench.encode();
  for (int i = 0; i < repeat; ++i) {
    result.limit = std::min(result.limit, move_streams(line.streams, arena, payload));
    arena.fill();
    result.seconds = std::min(result.seconds, bench.run(line.verb));
  }
  return result;
}

const char* name_of(Verb verb) {
  switch (verb) {
    case Verb::encode:
      return "encode";
    case Verb::decode_add:
      return "decode-add";
    case Verb::scatter:
      return "scatter-add";
  }
  return "";
}

std::string table_of(std::span<const Measured> all, const Arena& arena) {
  std::vector<std::vector<std::string>> rows;
  for (const Measured& one : all) {
    const double bytes = one.bytes(arena);
    rows.push_back({one.line->title, name_of(one.line->verb),
                    fmt::format("{:.1f}", one.line->streams.bytes()), format_seconds(one.seconds),
                    fmt::format("{:.1f}", bytes / one.seconds * 1e-9),
                    fmt::format("{:.1f}", bytes / one.limit * 1e-9),
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

nlohmann::json json_of(std::span<const Measured> all, std::span<const IndexRate> rates,
                       const Arena& arena, int repeat) {
  nlohmann::json lines = nlohmann::json::array();
  for (const Measured& one : all) {
    const double bytes = one.bytes(arena);
    lines.push_back({{"codec", one.line->title},
                     {"pass", name_of(one.line->verb)},
                     {"bytes_per_element", one.line->streams.bytes()},
                     {"seconds", one.seconds},
                     {"gb_per_second", bytes / one.seconds * 1e-9},
                     {"limit_gb_per_second", bytes / one.limit * 1e-9},
                     {"share_of_limit", one.share()},
                     {"target", one.line->target}});
  }
  nlohmann::json rice = nlohmann::json::array();
  for (const IndexRate& rate : rates) {
    rice.push_back({{"density", rate.density},
                    {"bits_per_index", rate.bits},
                    {"indices_per_second", rate.per_second},
                    {"target", kIndexRateTarget}});
  }
  return {{"elements", arena.elements()},
          {"repeat", repeat},
          {"instruction_set", hwy::TargetName(hwy::SupportedAndGeneratedTargets().front())},
          {"lines", lines},
          {"rice", rice}};
}

int repeat_of(const Arguments& arguments) {
  const auto found = arguments.switches.find("repeat");
  if (found == arguments.switches.end()) return 7;
  const std::string& word = found->second;
  int value = 0;
  const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || stop != word.data() + word.size() || value < 1)
    fail<JobError>("--repeat is '{}'; it must be a whole number from 1.", word);
  return value;
}

void write_json(const std::string& path, const nlohmann::json& json) {
  std::ofstream file(path);
  file << json.dump(2) << '\n';
  file.close();
  if (!file) fail("the benchmark's numbers could not be written to '{}'.", path);
}

}  // namespace

int bench_codecs(std::span<const std::string> words) {
  const Arguments arguments = parse_arguments(words, kSwitches);
  if (arguments.switches.contains("help")) {
    fmt::print(
        "terse bench codecs: a gradient of ResNet-50's shapes (25.56 M floats) through each "
        "codec\non one core, against the same reads and writes without arithmetic\n\n{}",
        help_text(kSwitches));
    return 0;
  }
  const int repeat = repeat_of(arguments);
  const auto wanted = arguments.switches.find("codec");
  const bool all_wanted = wanted == arguments.switches.end();
  if (!all_wanted) (void)codec_info(wanted->second);
  Arena arena;
  std::vector<Measured> all;
  for (const Line& line : bench_lines()) {
    if (all_wanted || line.codec.name == wanted->second)
      all.push_back(measure(line, arena, repeat));
  }
  fmt::print("{}", table_of(all, arena));
  std::vector<IndexRate> rates;
  if (all_wanted) {
    rates = rice_rates(repeat);
    fmt::print("\n{}", table_of(rates));
  }
  if (arguments.switches.contains("json"))
    write_json(arguments.switches.at("json"), json_of(all, rates, arena, repeat));
  return 0;
}

}  // namespace terse
