#include <atomic>
#include <functional>
#include <thread>

#include "comm/transport/communicator_bodies.h"
#include "comm/transport/run_ranks.h"

namespace terse::test {
namespace {

struct Case {
  Body body;
  int ranks;
  std::size_t segment;
};

class ThreadWorld : public testing::TestWithParam<Case> {};

TEST_P(ThreadWorld, Body) {
  CommunicatorOptions options;
  options.segment_bytes = GetParam().segment;
  run_ranks(GetParam().ranks, options, GetParam().body.run);
}

TEST_P(ThreadWorld, BodyOnALink) {
  CommunicatorOptions options;
  options.segment_bytes = GetParam().segment;
  options.link = {1e9, std::chrono::microseconds(200)};
  run_ranks(GetParam().ranks, options, GetParam().body.run);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Body& body : kBodies) {
    for (int ranks = 1; ranks <= 8; ++ranks) all.push_back({body, ranks, 500});
    all.push_back({body, 3, CommunicatorOptions{}.segment_bytes});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Worlds, ThreadWorld, testing::ValuesIn(cases()), [](const auto& given) {
  return std::string(given.param.body.name) + "Of" + std::to_string(given.param.ranks) + "Cut" +
         std::to_string(given.param.segment);
});

TEST(Communicator, AnAbortReachesEveryone) {
  for (int ranks = 1; ranks <= 5; ++ranks) run_ranks(ranks, {}, body_abort);
}

TEST(Communicator, AMessageThatDoesNotFitIsRefused) {
  for (int ranks = 2; ranks <= 4; ++ranks) {
    for (auto body : {body_too_long, body_short_head, body_hole}) run_ranks(ranks, {}, body);
  }
}

TEST(Communicator, AnAbortFromAnotherThreadEndsAWait) {
  run_ranks(3, {}, [](Communicator& communicator) {
    std::vector<std::byte> bytes(8);
    const Incoming receive[] = {{(communicator.rank() + 1) % 3, {}, bytes}};
    const Ticket ticket = communicator.post({}, receive);
    std::thread other;
    if (communicator.rank() == 1)
      other = std::thread([&] { communicator.abort(std::string(2000, 'x')); });
    try {
      communicator.wait(ticket);
      ADD_FAILURE() << "a receive that nobody answers came to an end";
    } catch (const PeerLost& lost) {
      EXPECT_EQ(lost.rank(), 1);
      EXPECT_EQ(std::string(lost.what()).size(), AbortReason::kMaxBytes);
    }
    if (other.joinable()) other.join();
  });
}

CommunicatorOptions impatient() {
  CommunicatorOptions options;
  options.timeout = std::chrono::milliseconds(1000);
  options.heartbeat = std::chrono::milliseconds(50);
  return options;
}

// Drives until the world ends and returns how it did.
PeerLost drive_to_the_end(Communicator& communicator) {
  try {
    for (int idle = 0;; communicator.drive()) Communicator::rest(idle);
  } catch (const PeerLost& lost) {
    return lost;
  }
}

// Without driving; at most half a minute.
void wait_until(const std::function<bool()>& holds) {
  const auto end = Clock::now() + std::chrono::seconds(30);
  while (!holds() && Clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

TEST(Communicator, ARankThatStopsIsNamedByAllOthersAndByItself) {
  std::atomic<int> ended{0};
  run_ranks(4, impatient(), [&](Communicator& communicator) {
    if (communicator.rank() == 2) wait_until([&] { return ended == 3; });
    const PeerLost lost = drive_to_the_end(communicator);
    ++ended;
    EXPECT_EQ(lost.rank(), 2);
    EXPECT_NE(std::string(lost.what()).find("rank 2 has been silent for 1 s (world.timeout)"),
              std::string::npos)
        << lost.what();
  });
}

TEST(Communicator, AllSilentRanksAreNamed) {
  std::atomic<int> ended{0};
  run_ranks(4, impatient(), [&](Communicator& communicator) {
    const bool stopped = communicator.rank() == 1 || communicator.rank() == 3;
    if (stopped) wait_until([&] { return ended == 2; });
    const PeerLost lost = drive_to_the_end(communicator);
    ++ended;
    EXPECT_NE(std::string(lost.what()).find("ranks 1 and 3 have been silent"), std::string::npos)
        << lost.what();
  });
}

TEST(Communicator, TimeWithoutADriveDoesNotCountAsSilence) {
  run_ranks(3, impatient(), [](Communicator& communicator) {
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    communicator.drive();
    ASSERT_TRUE(communicator.longest_silence());
    EXPECT_LT(communicator.longest_silence()->time, std::chrono::milliseconds(200));
    body_gather_and_broadcast(communicator);
  });
}

TEST(Communicator, ALongWaitIsNoSilence) {
  run_ranks(2, impatient(), [](Communicator& communicator) {
    const auto end = Clock::now() + std::chrono::milliseconds(1500);
    if (communicator.rank() == 1) {
      for (int idle = 0; Clock::now() < end; communicator.drive()) Communicator::rest(idle);
    }
    body_gather_and_broadcast(communicator);
    EXPECT_GT(communicator.traffic().heartbeat_bytes_sent, 5u);
  });
}

TEST(Communicator, OneThatLeftInGoodOrderIsNotMissed) {
  run_ranks(3, impatient(), [](Communicator& communicator) {
    body_gather_and_broadcast(communicator);
    if (communicator.rank() != 0) return;
    const auto end = Clock::now() + std::chrono::milliseconds(1500);
    for (int idle = 0; Clock::now() < end; communicator.drive()) Communicator::rest(idle);
    EXPECT_FALSE(communicator.longest_silence());
  });
}

TEST(Communicator, OneThatLeftIsMissedByWhoStillWantsSomething) {
  run_ranks(2, impatient(), [](Communicator& communicator) {
    if (communicator.rank() == 1) return;
    std::vector<std::byte> bytes(8);
    const Incoming receive[] = {{1, {}, bytes}};
    EXPECT_THROW(communicator.wait(communicator.post({}, receive)), PeerLost);
  });
}

TEST(Communicator, ARankThatLeavesWithMessagesUnderWayEndsTheWorld) {
  run_ranks(2, {}, [](Communicator& communicator) {
    std::vector<std::byte> bytes(8);
    const Incoming receive[] = {{1 - communicator.rank(), {}, bytes}};
    const Ticket ticket = communicator.post({}, receive);
    if (communicator.rank() == 1) return;
    try {
      communicator.wait(ticket);
      ADD_FAILURE() << "nothing was sent, and yet it came";
    } catch (const PeerLost& lost) {
      EXPECT_EQ(lost.rank(), 1);
      EXPECT_NE(std::string(lost.what()).find("under way"), std::string::npos) << lost.what();
    }
  });
}

TEST(Communicator, WhenTheLauncherEndsTheJobThreeHeartbeatsOfSilenceAreDeath) {
  static const std::atomic<bool> ending{true};
  CommunicatorOptions options;
  options.ending = &ending;
  run_ranks(3, options, [](Communicator& communicator) {
    if (communicator.rank() == 2) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1000));
      return;
    }
    const auto end = Clock::now() + std::chrono::milliseconds(900);
    try {
      for (int idle = 0; Clock::now() < end; communicator.drive()) Communicator::rest(idle);
      ADD_FAILURE() << "it was not missed";
    } catch (const PeerLost& lost) {
      EXPECT_EQ(lost.rank(), 2);
      EXPECT_NE(std::string(lost.what()).find("the launcher ends the job"), std::string::npos);
    }
  });
}

TEST(Communicator, SegmentsCanBeTamperedWithOnTheWay) {
  const auto hub = make_thread_hub(2, {});
  tamper_with(*hub, [](int from, int to, Bytes segment) {
    if (from == 0 && to == 1 && !segment.empty()) segment[3] ^= std::byte{1};
  });
  run_ranks(hub, 2, [](Communicator& communicator) {
    std::vector<std::byte> bytes(8);
    broadcast(communicator, 0, bytes);
    EXPECT_EQ(bytes[3], static_cast<std::byte>(communicator.rank()));
  });
}

TEST(Communicator, OptionsThatMakeNoSenseAreRefused) {
  const auto with = [](auto change) {
    CommunicatorOptions options;
    change(options);
    return join_world(make_thread_hub(2, options), 0);
  };
  EXPECT_THROW(with([](auto& o) { o.segment_bytes = 0; }), JobError);
  EXPECT_THROW(with([](auto& o) { o.segment_bytes = 1 << 20; }), JobError);
  EXPECT_THROW(with([](auto& o) { o.link.bytes_per_second = -1; }), JobError);
  EXPECT_THROW(with([](auto& o) { o.link.latency = std::chrono::nanoseconds(-1); }), JobError);
  EXPECT_THROW(with([](auto& o) { o.timeout = o.heartbeat; }), JobError);
  EXPECT_THROW(make_thread_hub(0, {}), JobError);
  const auto hub = make_thread_hub(2, {});
  EXPECT_THROW(join_world(hub, 2), JobError);
  const auto first = join_world(hub, 0);
  EXPECT_THROW(join_world(hub, 0), JobError);
}

}  // namespace
}  // namespace terse::test
