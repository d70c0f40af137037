#include "terse/base/error.h"
#include "terse/launch/bench.h"
#include "terse/launch/program.h"

namespace terse {

int bench_command(std::span<const std::string> words) {
  if (!words.empty() && words[0] == "exchange") return bench_exchange(words.subspan(1));
  if (!words.empty() && words[0] == "overlap") return bench_overlap(words.subspan(1));
  fail<JobError>(
      "terse bench measures 'exchange' or 'overlap'; name one of the two (--help after it tells "
      "more).");
}

}  // namespace terse
