#include "terse/base/random.h"

#include <cmath>
#include <numbers>

#include "terse/base/hash.h"

namespace terse {

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose, std::uint64_t a,
                           std::uint64_t b)
    : key_(combine(seed, hash64(purpose), a, b)) {}

float RandomStream::normal(std::uint64_t index) const {
  const Philox4 draw = philox(key_, index, 1);
  const double radius = std::sqrt(-2.0 * std::log((draw[0] + 0.5) * 0x1.0p-32));
  const double angle = 2.0 * std::numbers::pi * (draw[1] * 0x1.0p-32);
  return static_cast<float>(radius * std::cos(angle));
}

std::uint64_t RandomStream::below(std::uint64_t index, std::uint64_t bound) const {
  const Philox4 draw = philox(key_, index, 2);
  const std::uint64_t wide = (static_cast<std::uint64_t>(draw[0]) << 32) | draw[1];
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(wide) * bound) >> 64);
}

}  // namespace terse
