#include "terse/trainers/loop/preflight.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "terse/base/error.h"
#include "terse/comm/transport/collectives.h"
#include "terse/config/options.h"
#include "terse/config/text/units.h"

namespace terse {
namespace {

constexpr std::string_view kFingerprint = "data (fingerprint)";

// A line per entry; no key holds a '=', and no value a line end.
std::string to_text(const Record& record) {
  std::string text;
  for (const auto& [key, value] : record) text += fmt::format("{}={}\n", key, value);
  return text;
}

Record from_text(std::string_view text) {
  Record record;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t equals = std::min(line.find('='), line.size());
    record.emplace_back(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return record;
}

}  // namespace

void require_same_job(const Job& job, const Dataset& data, CommThread& thread) {
  Record record = resolved(job);
  std::erase_if(record, [](const auto& entry) { return entry.first == "data.path"; });
  record.emplace_back(kFingerprint, fmt::format("{:016x}", data.fingerprint));
  const std::vector<std::string> all = gather_text(thread, to_text(record));
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    const auto difference = first_difference(from_text(all[rank]), from_text(all[0]));
    if (!difference) continue;
    fail_together<JobError>(
        "rank {} was started with another job than rank 0: {}. Start all ranks with the same file, "
        "options and data.",
        rank, *difference);
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
