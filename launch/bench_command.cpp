#include <cstdio>

#include "terse/base/error.h"
#include "terse/bench/codecs.h"
#include "terse/launch/bench.h"
#include "terse/launch/program.h"

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

int bench_command(std::span<const std::string> words) {
  if (!words.empty() && words[0] == "exchange") return bench_exchange(words.subspan(1));
  if (!words.empty() && words[0] == "overlap") return bench_overlap(words.subspan(1));
  if (!words.empty() && words[0] == "codecs")
    return bench_codecs(words.subspan(1), torch_products());
  if (!words.empty() && (words[0] == "--help" || words[0] == "-h")) {
    fmt::print("{}", kHelp);
    return 0;
  }
  fail<JobError>(
      "terse bench measures 'codecs', 'exchange' or 'overlap'; name one of the three (see terse "
      "bench --help).");
}

}  // namespace terse
