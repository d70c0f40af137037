// The emulated link of one rank as arithmetic on times, so that it can be tested without waiting:
// an egress token bucket and an ingress clock. A segment leaves when the bucket has room for it and
// arrives `latency` after its last byte left; there it queues behind other arrivals. Balanced flows
// are limited once, by the egress; many senders to one receiver are limited by its ingress.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

namespace terse {

using Clock = std::chrono::steady_clock;

// The emulated link, of which every rank has one in each direction. Bytes on it are counted as
// bytes x 1514/1448 (the frame headers of Ethernet, IP and TCP), so that it agrees with a real
// shaped interface.
struct Link {
  double bytes_per_second = 0;  // 0: unlimited
  std::chrono::nanoseconds latency{0};
};

class LinkClock {
 public:
  static constexpr std::size_t kBurstBytes = 128 * 1024;

  explicit LinkClock(const Link& link);

  // Whether the link delays anything.
  bool limited() const { return link_.bytes_per_second > 0 || link_.latency.count() > 0; }

  // When a segment that has waited since `offered` arrives; none, and nothing is taken, while the
  // bucket has no room for it at `now`. `offered` may lie before `now`: the link goes on between
  // drives.
  std::optional<Clock::time_point> send(std::size_t bytes, Clock::time_point offered,
                                        Clock::time_point now);

  // When a segment that arrived no earlier than `since` is through this rank's own link.
  Clock::time_point receive(std::size_t bytes, Clock::time_point since);

 private:
  std::chrono::nanoseconds duration(std::size_t bytes) const;

  Link link_;
  std::chrono::nanoseconds burst_;
  Clock::time_point egress_{}, ingress_{};  // when the link has carried what it has accepted
};

}  // namespace terse
