#include "terse/launch/world/ranks.h"

#include <charconv>

#include "terse/comm/transport/mpi/mpi_world.h"

namespace terse {
namespace {
constexpr int kMaxThreadRanks = 256;
}

WorldOptions choose_world(const std::optional<std::string>& ranks) {
  WorldOptions world;
  const std::optional<int> launched = mpirun_world_size();
  world.mpi = launched.has_value();
  if (!ranks) return world;
  if (world.mpi)
    fail<JobError>(
        "--ranks {} runs ranks as threads, but mpirun has started this process as a rank; use only "
        "one of the two.",
        *ranks);
  const char* end = ranks->data() + ranks->size();
  const auto [stop, error] = std::from_chars(ranks->data(), end, world.ranks);
  if (error != std::errc{} || stop != end || world.ranks < 1 || world.ranks > kMaxThreadRanks) {
    fail<JobError>("--ranks is '{}'; it must be a whole number from 1 to {}.", *ranks,
                   kMaxThreadRanks);
  }
  return world;
}

}  // namespace terse
