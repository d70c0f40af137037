#include <cstdio>

#include "terse/base/error.h"
#include "terse/launch/bench/bench.h"
#include "terse/launch/bench/codecs/codecs.h"

namespace terse {
namespace {

constexpr const char* kHelp =
    R"(terse bench runs benchmarks on this machine. Each prints a table.

  terse bench codecs      the time of each codec against the time of its memory traffic
  terse bench exchange    the time of a step that exchanges a gradient of ResNet-50's shapes
  terse bench overlap     the fraction of min(backward, exchange) that is hidden by overlap

terse bench <name> --help prints the options.
)";

}  // namespace

int run_bench(std::span<const std::string> args) {
  if (!args.empty() && args[0] == "exchange") return bench_exchange(args.subspan(1));
  if (!args.empty() && args[0] == "overlap") return bench_overlap(args.subspan(1));
  if (!args.empty() && args[0] == "codecs") return bench_codecs(args.subspan(1), torch_products());
  if (!args.empty() && (args[0] == "--help" || args[0] == "-h")) {
    fmt::print("{}", kHelp);
    return 0;
  }
  fail<JobError>(
      "terse bench needs the name of a benchmark: 'codecs', 'exchange' or 'overlap' (see terse "
      "bench "
      "--help).");
}

}  // namespace terse
