#include <cstdio>

#include "terse/base/error.h"
#include "terse/launch/bench/bench.h"
#include "terse/launch/bench/codecs/codecs.h"

namespace terse {
namespace {

constexpr const char* kHelp =
    R"(terse bench measures on this machine; each prints a table.

  terse bench codecs      each codec against the time its memory traffic takes
  terse bench exchange    a gradient of ResNet-50's shapes through each codec and its exchange
  terse bench overlap     how much of min(backward, exchange) is hidden

Options: --help after one of the three.
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
      "terse bench measures 'codecs', 'exchange' or 'overlap'; name one of the three (see terse "
      "bench --help).");
}

}  // namespace terse
