// A rank as in the product: the world is made, used and left on a thread of its own, which is the
// only one that calls MPI.
#include <mpi.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "terse/base/error.h"
#include "terse/comm/transport/mpi/mpi_world.h"

namespace {

// Empty, or what was wrong.
std::string use_a_world(int declared) {
  std::string mine;
  {
    const auto communicator = terse::make_mpi_world({});
    if (communicator->size() != declared)
      return fmt::format("the world has {} ranks, {} were declared", communicator->size(),
                         declared);
    mine = std::to_string(communicator->rank());
    const auto all = terse::all_gather(*communicator, mine);
    for (int rank = 0; rank < declared; ++rank) {
      if (all[static_cast<std::size_t>(rank)] != std::to_string(rank))
        return fmt::format("rank {} is called '{}'", rank, all[static_cast<std::size_t>(rank)]);
    }
  }
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized) return "MPI was not finalized by the world that initialized it";
  try {
    terse::make_mpi_world({});
    return "a second world was made after MPI was finalized";
  } catch (const terse::JobError&) {
    return {};
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string option = argc == 2 ? argv[1] : "";
  if (!option.starts_with("--ranks=")) return 2;
  std::string wrong;
  std::thread([&] {
    try {
      wrong = use_a_world(std::atoi(option.c_str() + 8));
    } catch (const std::exception& error) {
      wrong = error.what();
    }
  }).join();
  if (!wrong.empty()) std::printf("%s\n", wrong.c_str());
  return wrong.empty() ? 0 : 1;
}
