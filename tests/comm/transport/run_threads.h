// Runs a world of threads as the program does: one function a rank, each with a communication
// thread of its own. What a rank throws is kept, so that a test can look at it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "terse/base/error.h"
#include "terse/comm/transport/comm_thread.h"
#include "terse/comm/transport/threads/thread_world.h"

namespace terse::test {

// How a rank ended; `sentence` is empty where it threw nothing.
struct Ending {
  std::string sentence;
  bool wrong_job = false;     // a JobError
  bool peer_lost = false;     // a PeerLost
  bool on_all_ranks = false;  // said to be thrown by all alike
};

inline Ending ending_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const PeerLost& error) {
    return {.sentence = error.what(), .peer_lost = true};
  } catch (const JobError& error) {
    return {.sentence = error.what(), .wrong_job = true, .on_all_ranks = error.on_all_ranks};
  } catch (const Error& error) {
    return {.sentence = error.what(), .on_all_ranks = error.on_all_ranks};
  } catch (const std::exception& error) {
    return {.sentence = std::string("unexpected: ") + error.what()};
  }
  return {};
}

inline std::vector<Ending> endings_of(int world, const std::function<void(CommThread&)>& rank_main,
                                      const CommunicatorOptions& options = {}) {
  const auto hub = make_thread_hub(world, options);
  std::vector<Ending> endings(static_cast<std::size_t>(world));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world; ++rank) {
    threads.emplace_back([&, rank] {
      CommThread thread([&] { return join_world(hub, rank); });
      Ending& ending = endings[static_cast<std::size_t>(rank)];
      ending = ending_of([&] { rank_main(thread); });
      if (!ending.sentence.empty() && !ending.on_all_ranks) thread.abort(ending.sentence);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return endings;
}

// The same where no rank may throw.
inline void run_threads(int world, const std::function<void(CommThread&)>& rank_main,
                        const CommunicatorOptions& options = {}) {
  const std::vector<Ending> endings = endings_of(world, rank_main, options);
  for (std::size_t rank = 0; rank < endings.size(); ++rank)
    EXPECT_EQ(endings[rank].sentence, "") << "rank " << rank;
}

// The sizes of the worlds that a test runs in: 1 to `most`. The thread sanitizer, which takes ten
// times as long, looks at two of them: what is shared between ranks is shared in each.
inline std::vector<int> worlds_up_to(int most) {
#ifdef __SANITIZE_THREAD__
  return {2, most < 5 ? 3 : 5};
#else
  std::vector<int> worlds;
  for (int world = 1; world <= most; ++world) worlds.push_back(world);
  return worlds;
#endif
}

// Expects one line that holds every one of the words.
inline void expect_words(const std::string& sentence, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    EXPECT_NE(sentence.find(word), std::string::npos)
        << '"' << word << "\" is not in: " << sentence;
  }
  EXPECT_EQ(sentence.find('\n'), std::string::npos) << sentence;
}

}  // namespace terse::test
