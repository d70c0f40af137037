#include <algorithm>

#include "comm/transport/communicator_bodies.h"
#include "comm/transport/run_ranks.h"
#include "terse/comm/transport/link_clock.h"

namespace terse::test {
namespace {

using std::chrono::duration;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr double kRate = 12.5e6;  // 100 Mbit/s
constexpr std::size_t kSegment = 60 * 1024;
constexpr Clock::time_point kStart{std::chrono::hours(1)};

double seconds(Clock::duration time) { return duration<double>(time).count(); }
double on_the_wire(std::size_t bytes) { return static_cast<double>(bytes) * 1514 / 1448 / kRate; }
double burst() { return static_cast<double>(LinkClock::kBurstBytes) / kRate; }

// When the last of `count` segments, all offered at the start, has left a rank that looks each
// `step`.
Clock::time_point send_all(LinkClock& clock, int count, Clock::duration step) {
  Clock::time_point last{}, before = kStart;
  for (Clock::time_point now = kStart; count > 0; before = now, now += step) {
    while (count > 0) {
      const auto due = clock.send(kSegment, before, now);
      if (!due) break;
      EXPECT_LE(*due, now);
      last = *due;
      --count;
    }
  }
  return last;
}

TEST(LinkClock, WithoutALimitNothingWaits) {
  LinkClock clock({});
  EXPECT_FALSE(clock.limited());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(clock.send(kSegment, kStart, kStart), kStart);
  EXPECT_EQ(clock.receive(kSegment, kStart), kStart);
}

TEST(LinkClock, TheEgressCarriesItsRateHoweverRarelyOneLooks) {
  for (const Clock::duration step :
       {Clock::duration(microseconds(50)), Clock::duration(milliseconds(7))}) {
    LinkClock clock({kRate, {}});
    const double took = seconds(send_all(clock, 100, step) - kStart);
    EXPECT_NEAR(took, on_the_wire(100 * kSegment) - burst(), 1e-6);
  }
}

TEST(LinkClock, AnIdleLinkSavesNoMoreThanTheBurst) {
  LinkClock clock({kRate, {}});
  send_all(clock, 10, microseconds(50));
  const Clock::time_point later = kStart + std::chrono::seconds(10);
  int at_once = 0;
  while (clock.send(kSegment, later, later)) ++at_once;
  EXPECT_EQ(at_once, 2);
}

TEST(LinkClock, LatencyComesAfterTheLastByteLeft) {
  LinkClock clock({kRate, milliseconds(30)});
  EXPECT_TRUE(clock.limited());
  EXPECT_EQ(clock.send(0, kStart, kStart), kStart + milliseconds(30));
  LinkClock only_latency({0, milliseconds(30)});
  EXPECT_TRUE(only_latency.limited());
  EXPECT_EQ(only_latency.send(kSegment, kStart, kStart), kStart + milliseconds(30));
}

TEST(LinkClock, OneFlowIsNotLimitedTwice) {
  LinkClock sender({kRate, {}}), receiver({kRate, {}});
  Clock::time_point through{};
  for (Clock::time_point now = kStart; now < kStart + std::chrono::seconds(1);
       now += microseconds(50)) {
    while (const auto due = sender.send(kSegment, now, now))
      through = receiver.receive(kSegment, *due);
  }
  EXPECT_NEAR(seconds(through - kStart), 1, 2 * burst());
}

TEST(LinkClock, ManySendersShareOneReceiver) {
  LinkClock receiver({kRate, {}});
  Clock::time_point through{};
  for (int i = 0; i < 30; ++i) through = receiver.receive(kSegment, kStart);
  EXPECT_NEAR(seconds(through - kStart), on_the_wire(29 * kSegment), 1e-6);
}

TEST(LeastTimeout, GrowsWithWhatCanStandBeforeAHeartbeat) {
  EXPECT_EQ(min_timeout({}, 8), milliseconds(1000));
  EXPECT_EQ(min_timeout({1e6, {}}, 1), milliseconds(1000));
  EXPECT_EQ(min_timeout({98304, {}}, 4), milliseconds(1000 + 30'000));
}

// The two below only say that a link is never faster than it may be: how slow it is depends on the
// machine.
TEST(Link, ARoundIsNotFasterThanTheLink) {
  CommunicatorOptions options;
  options.link.bytes_per_second = 50e6;
  constexpr std::size_t kBytes = 4 << 20;
  run_ranks(2, options, [](Communicator& communicator) {
    const int peer = 1 - communicator.rank();
    const std::vector<std::byte> out = contents(communicator.rank(), peer, 0, kBytes);
    std::vector<std::byte> in(kBytes);
    const Outgoing send[] = {{peer, {}, out, kBytes}};
    const Incoming receive[] = {{peer, {}, in}};
    const auto start = Clock::now();
    communicator.wait(communicator.post(send, receive));
    EXPECT_GE(seconds(Clock::now() - start),
              (static_cast<double>(kBytes) * 1514 / 1448 - LinkClock::kBurstBytes) / 50e6);
    EXPECT_EQ(in, contents(peer, communicator.rank(), 0, kBytes));
  });
}

TEST(Link, APingTakesTwiceTheLatency) {
  CommunicatorOptions options;
  options.link.latency = milliseconds(20);
  run_ranks(2, options, [](Communicator& communicator) {
    std::vector<std::byte> bytes(8);
    const auto start = Clock::now();
    broadcast(communicator, 0, bytes);
    broadcast(communicator, 1, bytes);
    EXPECT_GE(Clock::now() - start, milliseconds(communicator.rank() == 0 ? 40 : 20));
  });
}

}  // namespace
}  // namespace terse::test
