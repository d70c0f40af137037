#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "terse/base/median.h"
#include "terse/base/random.h"
#include "terse/comm/reducer/make_plan.h"
#include "terse/comm/reducer/reducer.h"
#include "terse/comm/transport/collectives.h"
#include "terse/config/arguments.h"
#include "terse/config/text/units.h"
#include "terse/launch/bench/allocation_count.h"
#include "terse/launch/bench/bench.h"
#include "terse/launch/bench/codecs/resnet50_shapes.h"
#include "terse/launch/bench/timing.h"
#include "terse/launch/world/ranks.h"
#include "terse/report/table.h"

namespace terse {
namespace {

const std::array<Switch, 5> kSwitches = {{
    {"ranks", "N", "ranks as threads, without mpirun; default 4"},
    {"bandwidth", "RATE", "bandwidth of the emulated link, such as 1Gbit/s; default unlimited"},
    {"steps", "N", "measured steps per codec, after four warm-up steps; default 5"},
    {"codec", "NAME", "measure this codec; default all"},
    {"help", "", "print this text"},
}};

constexpr double kFrameFactor = 1514.0 / 1448.0;  // bytes on the emulated link per payload byte
constexpr int kWarmup = 4;  // steps: page faults, and the group order is final after the third

struct Gradient {
  std::vector<Layer> layers;
  FloatBuffer arena{0};
};

Gradient make_gradient(int rank) {
  Gradient gradient;
  std::size_t total = 0;
  std::vector<std::size_t> offsets;
  for (const TensorShape& shape : resnet50_shapes()) {
    gradient.layers.push_back({.name = shape.name,
                               .grad = nullptr,
                               .size = shape.elements,
                               .dimensions = shape.dimensions,
                               .rows = shape.dimensions > 1 ? shape.rows : 0});
    offsets.push_back(total);
    total += round_up(shape.elements, 16);
  }
  gradient.arena = FloatBuffer(total);
  for (std::size_t i = 0; i < offsets.size(); ++i)
    gradient.layers[i].grad = gradient.arena.values().data() + offsets[i];
  const RandomStream stream(1, "bench", static_cast<std::uint64_t>(rank));
  for (std::size_t i = 0; i < total; ++i)
    gradient.arena.values()[i] = 0.02f * (stream.uniform(i) - 0.5f);
  return gradient;
}

double copy_seconds(std::size_t bytes) {
  std::vector<std::byte> from(bytes, std::byte{1}), to(bytes);
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const Clock::time_point begin = Clock::now();
    std::memcpy(to.data(), from.data(), bytes);
    best = std::min(best, seconds_since(begin));
  }
  return best;
}

struct Result {
  double seconds, bytes, allocations;
};

// Of both threads of the rank.
std::uint64_t allocations_so_far(CommThread& thread) {
  std::uint64_t count = 0;
  thread.call([&count](Communicator&) { count = allocation_count(); });
  return count + allocation_count();
}

// The median step of the slowest rank, the mean bytes per rank, and the most allocations of a rank
// per step.
Result measure(CommThread& thread, const CompressionOptions& options, int steps) {
  Gradient gradient = make_gradient(thread.rank());
  Reducer reducer(gradient.layers, thread, make_plan(gradient.layers, options, 0, thread.size()),
                  {});
  std::vector<double> seconds;
  seconds.reserve(static_cast<std::size_t>(steps));
  double bytes = 0;
  std::uint64_t allocations = 0;
  for (int step = 0; step < kWarmup + steps; ++step) {
    (void)gather_values(thread, std::array{0.0});  // a barrier
    const std::uint64_t before = allocations_so_far(thread);
    const Clock::time_point begin = Clock::now();
    reducer.begin(static_cast<std::uint64_t>(step));
    const StepReport report = reducer.finish();
    if (step < kWarmup) continue;
    seconds.push_back(seconds_since(begin));
    allocations += allocations_so_far(thread) - before;
    bytes = static_cast<double>(report.bytes_sent);
  }
  double slowest = 0, mean_bytes = 0, max_allocations = 0;
  const std::array mine{median(seconds), bytes, static_cast<double>(allocations) / steps};
  for (const auto& values : gather_values(thread, mine)) {
    slowest = std::max(slowest, values[0]);
    mean_bytes += values[1] / thread.size();
    max_allocations = std::max(max_allocations, values[2]);
  }
  return {slowest, mean_bytes, max_allocations};
}

CompressionOptions options_for(const std::string& codec) {
  CompressionOptions options;
  options.codec.name = codec;
  options.momentum = 0.9;
  return options;
}

}  // namespace

int bench_exchange(std::span<const std::string> options) {
  const Arguments arguments = parse_arguments(options, kSwitches);
  if (arguments.has("help")) {
    fmt::print(
        "terse bench exchange [switches]\n\n"
        "Measures a step that exchanges a gradient of ResNet-50's shapes (25.56 M floats) with "
        "each\n"
        "codec, against the time that its bytes take on the link.\n\n{}",
        help_text(kSwitches));
    return 0;
  }
  WorldOptions world = choose_world(arguments.value("ranks"));
  if (!world.mpi && !arguments.value("ranks")) world.ranks = 4;
  const std::optional<double> bandwidth =
      arguments.value("bandwidth") ? parse_bandwidth(*arguments.value("bandwidth")) : 0.0;
  if (!bandwidth)
    fail<JobError>("--bandwidth is '{}'; it must be a rate such as 1Gbit/s or 12.5MB/s.",
                   *arguments.value("bandwidth"));
  const double rate = *bandwidth;
  world.communicator.link.bytes_per_second = rate;
  const int steps = count_of(arguments, "steps", 5);
  std::vector<std::string> codecs;
  for (const std::string_view name : codec_names()) {
    if (!arguments.value("codec") || *arguments.value("codec") == name) codecs.emplace_back(name);
  }
  if (codecs.empty())
    fail<JobError>("--codec {} is not one of {}.", *arguments.value("codec"),
                   fmt::join(codec_names(), ", "));

  return run_world(world, [&](CommThread& thread) {
    std::vector<std::vector<std::string>> rows;
    for (const std::string& codec : codecs) {
      const Result result = measure(thread, options_for(codec), steps);
      const double limit = rate > 0 ? result.bytes * kFrameFactor / rate
                                    : copy_seconds(static_cast<std::size_t>(result.bytes));
      rows.push_back({codec, format_bytes(result.bytes), format_seconds(result.seconds),
                      format_seconds(limit), fmt::format("{:.3f}", result.seconds / limit),
                      fmt::format("{:.1f}", result.allocations)});
    }
    if (thread.rank() == 0) {
      fmt::print(
          "{} ranks ({}), link {}\n{}", thread.size(), world.mpi ? "mpi" : "threads",
          rate > 0 ? *arguments.value("bandwidth") : "unlimited",
          format_table({"codec", "sent a step", "a step",
                        rate > 0 ? "bytes/bandwidth" : "memory copy", "ratio", "allocations"},
                       rows));
    }
    return ExitCode::done;
  });
}

}  // namespace terse
