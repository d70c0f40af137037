#include "terse/comm/transport/link_clock.h"

#include <algorithm>

namespace terse {
namespace {
constexpr double kFrameHeaders = 1514.0 / 1448.0;
}

LinkClock::LinkClock(const Link& link)
    : link_(link),
      burst_(link.bytes_per_second > 0
                 ? static_cast<std::int64_t>(1e9 * static_cast<double>(kBurstBytes) /
                                             link.bytes_per_second)
                 : 0) {}

std::chrono::nanoseconds LinkClock::duration(std::size_t bytes) const {
  if (!(link_.bytes_per_second > 0)) return std::chrono::nanoseconds{0};
  return std::chrono::nanoseconds(static_cast<std::int64_t>(
      1e9 * kFrameHeaders * static_cast<double>(bytes) / link_.bytes_per_second));
}

std::optional<Clock::time_point> LinkClock::send(std::size_t bytes, Clock::time_point offered,
                                                 Clock::time_point now) {
  const Clock::time_point taken = std::max(egress_, offered) + duration(bytes);
  const Clock::time_point leaves = std::max(offered, taken - burst_);
  if (leaves > now) return std::nullopt;
  egress_ = taken;
  return leaves + link_.latency;
}

Clock::time_point LinkClock::receive(std::size_t bytes, Clock::time_point since) {
  ingress_ = std::max(ingress_ + duration(bytes), since);
  return ingress_;
}

}  // namespace terse
