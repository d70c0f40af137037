#include <charconv>
#include <cstdlib>
#include <string_view>

#include "terse/comm/transport/mpi/mpi_world.h"

namespace terse {

std::optional<int> mpirun_world_size() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    // A Slurm step without PMI is an ordinary process, in an interactive shell of an allocation for
    // one.
    if (std::string_view(name).starts_with("SLURM") && std::getenv("PMIX_RANK") == nullptr)
      continue;
    const char* value = std::getenv(name);
    if (value == nullptr) continue;
    const std::string_view text(value);
    int size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error == std::errc{} && end == text.data() + text.size() && size > 0) return size;
  }
  if (std::getenv("PMIX_RANK") != nullptr || std::getenv("PMI_RANK") != nullptr) return 0;
  return std::nullopt;
}

}  // namespace terse
