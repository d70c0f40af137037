// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). Every number is a function
// of a key and a counter, never of time, thread or call order, so that any rank, thread or device
// can compute it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace terse {

using Philox4 = std::array<std::uint32_t, 4>;

// The generator's multipliers, and the increments of its two key words per round.
inline constexpr std::array<std::uint32_t, 2> kPhiloxFactors = {0xD2511F53u, 0xCD9E8D57u};
inline constexpr std::array<std::uint32_t, 2> kPhiloxSteps = {0x9E3779B9u, 0xBB67AE85u};

// splitmix64's finalizer: a bijection that spreads every input bit.
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// One key from several numbers; order matters.
template <class... Parts>
constexpr std::uint64_t combine(std::uint64_t first, Parts... parts) {
  std::uint64_t key = mix64(first);
  ((key = mix64(key ^ static_cast<std::uint64_t>(parts))), ...);
  return key;
}

// Four 32-bit numbers for one (key, counter). Inline, so that loops over counters vectorize. Seven
// rounds are the fewest that pass every test of BigCrush, ten the authors' usual number.
template <int kRounds = 10>
inline Philox4 philox(std::uint64_t key, std::uint64_t counter_low, std::uint64_t counter_high) {
  auto c0 = static_cast<std::uint32_t>(counter_low),
       c1 = static_cast<std::uint32_t>(counter_low >> 32);
  auto c2 = static_cast<std::uint32_t>(counter_high),
       c3 = static_cast<std::uint32_t>(counter_high >> 32);
  auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t p0 = kPhiloxFactors[0] * static_cast<std::uint64_t>(c0);
    const std::uint64_t p1 = kPhiloxFactors[1] * static_cast<std::uint64_t>(c2);
    const auto h0 = static_cast<std::uint32_t>(p0 >> 32), l0 = static_cast<std::uint32_t>(p0);
    const auto h1 = static_cast<std::uint32_t>(p1 >> 32), l1 = static_cast<std::uint32_t>(p1);
    c0 = h1 ^ c1 ^ k0;
    c1 = l1;
    c2 = h0 ^ c3 ^ k1;
    c3 = l0;
    k0 += kPhiloxSteps[0];
    k1 += kPhiloxSteps[1];
  }
  return {c0, c1, c2, c3};
}

// [0, 1) with 24 bits: exact in fp32, never 1.
inline float unit_float(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1.0p-24f; }

// The random bits for stochastic rounding, of which a step needs 16 for each element.
inline constexpr int kNoiseRounds = 7;
inline Philox4 noise_draw(std::uint64_t key, std::uint64_t counter_low,
                          std::uint64_t counter_high) {
  return philox<kNoiseRounds>(key, counter_low, counter_high);
}
// The j-th group of 16 of the 128 bits of a draw, j < 8, lowest first.
inline std::uint16_t noise_of(const Philox4& draw, unsigned j) {
  return static_cast<std::uint16_t>(draw[j / 2] >> 16 * (j % 2));
}

// A stream of numbers with random access: element i does not depend on earlier calls.
class RandomStream {
 public:
  // `purpose` makes streams for different uses independent ("weights", "shuffle", "augment").
  RandomStream(std::uint64_t seed, std::string_view purpose, std::uint64_t a = 0,
               std::uint64_t b = 0);

  std::uint32_t bits(std::uint64_t index) const { return philox(key_, index >> 2, 0)[index & 3]; }
  float uniform(std::uint64_t index) const { return unit_float(bits(index)); }
  // Standard normal by Box-Muller in double, rounded once.
  float normal(std::uint64_t index) const;
  // Uniform in [0, bound), bound > 0, by the multiply-high rule over 64 bits (bias below 2^-32).
  std::uint64_t below(std::uint64_t index, std::uint64_t bound) const;
  std::uint64_t key() const { return key_; }

 private:
  std::uint64_t key_;
};

}  // namespace terse
