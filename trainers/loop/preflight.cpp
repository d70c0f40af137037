#include "terse/trainers/loop/preflight.h"

#include <algorithm>
#include <string>
#include <vector>

#include "terse/base/error.h"
#include "terse/comm/transport/collectives.h"
#include "terse/config/options.h"
#include "terse/config/text/units.h"

namespace terse {

void require_same_job(const Job& job, const Dataset& data, CommThread& thread) {
  std::string mine;
  for (const auto& [key, value] : resolved(job)) {
    if (key != "data.path") mine += key + "=" + value + "\n";
  }
  const std::vector<std::string> all =
      gather_text(thread, fmt::format("{}data (fingerprint)={:016x}\n", mine, data.fingerprint));
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all[0]) continue;
    const auto [theirs, ours] =
        std::mismatch(all[rank].begin(), all[rank].end(), all[0].begin(), all[0].end());
    const auto line_at = [](const std::string& text, std::string::const_iterator at) {
      const std::size_t index =
          std::min<std::size_t>(static_cast<std::size_t>(at - text.begin()), text.size() - 1);
      const std::size_t begin = index == 0 ? 0 : text.rfind('\n', index - 1) + 1;
      return text.substr(begin, text.find('\n', begin) - begin);
    };
    fail_together<JobError>(
        "rank {} was started with another job than rank 0: {} against {}. Start all ranks with the "
        "same file, options and data.",
        rank, line_at(all[rank], theirs), line_at(all[0], ours));
  }
}

void require_time_for_heartbeats(const CommThread& thread) {
  const CommunicatorOptions& options = thread.options();
  const std::chrono::milliseconds least = min_timeout(options.link, thread.size());
  if (thread.size() == 1 || options.timeout >= least) return;
  fail_together<JobError>(
      "world.timeout = {} is too short for {} ranks{}: heartbeats can stand behind bulk data for "
      "longer, and a rank that is well would be taken for lost. It must be at least {}.",
      format_duration(options.timeout), thread.size(),
      options.link.bytes_per_second > 0
          ? " on a link of " + format_bandwidth(options.link.bytes_per_second)
          : "",
      format_duration(least));
}

}  // namespace terse
