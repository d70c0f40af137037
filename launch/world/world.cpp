#include "terse/launch/world/world.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "terse/comm/transport/mpi/mpi_world.h"
#include "terse/comm/transport/threads/thread_world.h"

namespace terse {
namespace {

struct Failure {
  ExitCode code;
  std::string sentence;
  bool shared = false;  // by all ranks
};

Failure describe(std::exception_ptr error) {
  try {
    std::rethrow_exception(error);
  } catch (const PeerLost& lost) {
    return {ExitCode::peer_lost, lost.what()};
  } catch (const JobError& wrong) {
    return {ExitCode::bad_job, wrong.what(), wrong.on_all_ranks};
  } catch (const Error& failed) {
    return {ExitCode::run_failed, failed.what(), failed.on_all_ranks};
  } catch (const std::bad_alloc&) {
    return {ExitCode::run_failed,
            "out of memory; use fewer ranks on this machine, a smaller batch or a smaller model."};
  } catch (const std::exception& failed) {
    return {ExitCode::run_failed, failed.what()};
  }
}

[[noreturn]] void exit_process(ExitCode code) {
  std::fflush(nullptr);
  _exit(static_cast<int>(code));
}

int run_mpi(const WorldOptions& options, const RankBody& body) {
  int rank = -1;
  const auto on_lost = [&rank](const PeerLost& lost) {
    if (lost.rank() == rank) return;  // this rank's own abort, which its main thread reports
    print_error(rank, lost.what());
    exit_process(ExitCode::peer_lost);
  };
  CommThread thread([&] { return make_mpi_world(options.communicator); }, on_lost);
  rank = thread.rank();
  try {
    return static_cast<int>(body(thread));
  } catch (...) {
    const Failure failure = describe(std::current_exception());
    if (failure.shared) {
      if (rank == 0) print_error(-1, failure.sentence);
      return static_cast<int>(failure.code);
    }
    // Before the others know: once a rank has exited, the launcher may kill the others within half
    // a second.
    print_error(rank, failure.sentence);
    if (failure.code != ExitCode::peer_lost) {
      thread.abort(failure.sentence);
      // Gives the communication thread time to send the abort reason.
      std::this_thread::sleep_for(2 * options.communicator.heartbeat);
    }
    exit_process(failure.code);
  }
}

// Reports the root cause: the lowest rank's failure that is not the consequence of another rank's.
int report_threads(const std::vector<std::optional<Failure>>& failures,
                   const std::vector<ExitCode>& codes) {
  const auto first = [&](bool consequence) {
    return std::find_if(failures.begin(), failures.end(),
                        [consequence](const std::optional<Failure>& failure) {
                          return failure && (failure->code == ExitCode::peer_lost) == consequence;
                        });
  };
  auto found = first(false);
  if (found == failures.end()) found = first(true);
  if (found == failures.end()) return static_cast<int>(codes.front());
  print_error(
      (*found)->shared || failures.size() == 1 ? -1 : static_cast<int>(found - failures.begin()),
      (*found)->sentence);
  return static_cast<int>((*found)->code);
}

int run_threads(const WorldOptions& options, const RankBody& body) {
  const auto count = static_cast<std::size_t>(options.ranks);
  const auto hub = make_thread_hub(options.ranks, options.communicator);
  std::vector<std::optional<Failure>> failures(count);
  std::vector<ExitCode> codes(count, ExitCode::done);
  const auto run_rank = [&](std::size_t rank) {
    try {
      CommThread thread([&] { return join_world(hub, static_cast<int>(rank)); });
      try {
        codes[rank] = body(thread);
      } catch (...) {
        failures[rank] = describe(std::current_exception());
        if (!failures[rank]->shared) thread.abort(failures[rank]->sentence);
      }
    } catch (...) {
      if (!failures[rank]) failures[rank] = describe(std::current_exception());
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < count; ++rank) threads.emplace_back(run_rank, rank);
  for (std::thread& thread : threads) thread.join();
  return report_threads(failures, codes);
}

}  // namespace

void print_error(int rank, const std::string& sentence) {
  if (rank < 0) {
    fmt::print(stderr, "terse: {}\n", sentence);
  } else {
    fmt::print(stderr, "terse: rank {}: {}\n", rank, sentence);
  }
}

int run_reporting_errors(const std::function<int()>& body) {
  try {
    return body();
  } catch (...) {
    const Failure failure = describe(std::current_exception());
    print_error(-1, failure.sentence);
    return static_cast<int>(failure.code);
  }
}

int run_world(const WorldOptions& options, const RankBody& body) {
  return options.mpi ? run_mpi(options, body) : run_threads(options, body);
}

}  // namespace terse
