#include "terse/base/error.h"
#include "terse/bench/codecs.h"
#include "terse/launch/bench.h"
#include "terse/launch/program.h"

namespace terse {

int bench_command(std::span<const std::string> words) {
  if (!words.empty() && words[0] == "exchange") return bench_exchange(words.subspan(1));
  if (!words.empty() && words[0] == "overlap") return bench_overlap(words.subspan(1));
  if (!words.empty() && words[0] == "codecs") return bench_codecs(words.subspan(1));
  fail<JobError>(
      "terse bench measures 'codecs', 'exchange' or 'overlap'; name one of the three (--help after "
      "it tells more).");
}

}  // namespace terse
