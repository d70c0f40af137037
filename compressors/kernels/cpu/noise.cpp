#include "terse/compressors/kernels/cpu/noise.h"

#include <algorithm>

#include "terse/base/random.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/cpu/noise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/compressors/kernels/cpu/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::ScalableTag<std::uint64_t>;
using Narrow = hn::Repartition<std::uint32_t, Wide>;
using Words = hn::Vec<Wide>;

// The four words of one counter per lane, each in the low half of a 64-bit lane.
// The high halves hold garbage: the multiplication reads low halves alone.
struct Counters {
  Words a, b, x, y;
};

TERSE_INLINE Words xor3(Words a, Words b, Words c) {
#ifdef __OPTIMIZE__
  return hn::Xor3(a, b, c);
#else  // GCC rejects Xor3's AVX-512 immediate in builds without optimization
  return hn::Xor(a, hn::Xor(b, c));
#endif
}

TERSE_INLINE Counters turn(const Counters& c, Words k0, Words k1) {
  const Narrow narrow;
  const Words p0 = hn::MulEven(hn::BitCast(narrow, c.a), hn::Set(narrow, kPhiloxFactors[0]));
  const Words p1 = hn::MulEven(hn::BitCast(narrow, c.x), hn::Set(narrow, kPhiloxFactors[1]));
  return {xor3(hn::ShiftRight<32>(p1), c.b, k0), p1, xor3(hn::ShiftRight<32>(p0), c.y, k1), p0};
}

// Joins two words, each in a low half, into one lane, in order.
TERSE_INLINE Words pair(Words low, Words high) {
  const Narrow narrow;
  return hn::BitCast(
      Wide(), hn::OddEven(hn::BitCast(narrow, hn::ShiftLeft<32>(high)), hn::BitCast(narrow, low)));
}

TERSE_INLINE void finish(const Counters& c, std::uint16_t* out) {
  hn::StoreInterleaved2(pair(c.a, c.b), pair(c.x, c.y), Wide(),
                        reinterpret_cast<std::uint64_t*>(out));
}

// The round keys, each repeated for every lane: broadcasting them in the loop would cost time.
constexpr int kLoopRounds = kNoiseRounds - 2;

struct RoundKeys {
  alignas(64) std::uint64_t words[kLoopRounds][2][hn::MaxLanes(Wide())];

  explicit RoundKeys(std::uint64_t stream) {
    for (std::uint32_t round = 0; round < kLoopRounds; ++round) {
      for (std::uint32_t word = 0; word < 2; ++word)
        std::fill_n(words[round][word], hn::Lanes(Wide()), key_of(stream, round + 2, word));
    }
  }

  static std::uint32_t key_of(std::uint64_t stream, std::uint32_t round, std::uint32_t word) {
    return static_cast<std::uint32_t>(stream >> 32 * word) + round * kPhiloxSteps[word];
  }
};

// The result of the first two rounds: half of each is the same for all counters of a layer, and the
// one product of the first round is linear in the counter.
class FirstRounds {
 public:
  FirstRounds(std::uint64_t stream, std::uint64_t layer) {
    const auto key = [&](std::uint32_t round, std::uint32_t word) {
      return RoundKeys::key_of(stream, round, word);
    };
    const std::uint64_t first = kPhiloxFactors[1] * (layer & 0xffffffffu);
    const std::uint64_t second = kPhiloxFactors[0] * (first >> 32 ^ key(0, 0));
    x1_ = static_cast<std::uint32_t>(layer >> 32) ^ key(0, 1);
    a2_ = first ^ key(1, 0);
    x2_ = second >> 32 ^ key(1, 1);
    y2_ = second;
  }

  // `product` is counter times the first factor, for each lane.
  TERSE_INLINE Counters of(Words product) const {
    const Wide wide;
    const Words x = hn::Xor(hn::ShiftRight<32>(product), hn::Set(wide, x1_));
    const Words p = hn::MulEven(hn::BitCast(Narrow(), x), hn::Set(Narrow(), kPhiloxFactors[1]));
    return {hn::Xor(hn::ShiftRight<32>(p), hn::Set(wide, a2_)), p,
            hn::Xor(product, hn::Set(wide, x2_)), hn::Set(wide, y2_)};
  }

 private:
  std::uint64_t x1_, a2_, x2_, y2_;
};

// Two runs of counters at a time hide the latency of the multiplications. Returns the number of
// octets written.
TERSE_INLINE std::size_t octets_by_vectors(std::uint64_t stream, std::uint64_t layer,
                                           std::uint32_t octet, std::size_t octets,
                                           std::uint16_t* out) {
  const Wide wide;
  const std::size_t lanes = hn::Lanes(wide);
  const FirstRounds first(stream, layer);
  const RoundKeys keys(stream);
  constexpr std::uint64_t kFactor = kPhiloxFactors[0];
  const Words step = hn::Set(wide, kFactor * lanes);
  const auto counters = hn::Add(hn::BitCast(Narrow(), hn::Iota(wide, 0)), hn::Set(Narrow(), octet));
  Words product = hn::MulEven(counters, hn::Set(Narrow(), kPhiloxFactors[0]));
  std::size_t q = 0;
  for (; q + 2 * lanes <= octets; q += 2 * lanes) {
    Counters one = first.of(product);
    product = hn::Add(product, step);
    Counters two = first.of(product);
    product = hn::Add(product, step);
    for (const auto& round : keys.words) {
      const Words k0 = hn::Load(wide, round[0]), k1 = hn::Load(wide, round[1]);
      one = turn(one, k0, k1);
      two = turn(two, k0, k1);
    }
    finish(one, out + 8 * q);
    finish(two, out + 8 * (q + lanes));
  }
  return q;
}
#else
TERSE_INLINE std::size_t octets_by_vectors(std::uint64_t, std::uint64_t, std::uint32_t, std::size_t,
                                           std::uint16_t*) {
  return 0;
}
#endif

void noise_octets(std::uint64_t stream, std::uint64_t layer, std::uint32_t octet,
                  std::size_t octets, std::uint16_t* out) {
  // Where the counter wraps around, its products are not linear.
  const std::size_t even = std::min<std::size_t>(octets, (std::uint64_t{1} << 32) - octet);
  for (std::size_t q = octets_by_vectors(stream, layer, octet, even, out); q < octets; ++q) {
    const Philox4 draw = noise_draw(stream, octet + static_cast<std::uint32_t>(q), layer);
    for (unsigned j = 0; j < 8; ++j) out[8 * q + j] = noise_of(draw, j);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {

HWY_EXPORT(noise_octets);

void noise_octets(std::uint64_t stream, std::uint64_t layer, std::uint32_t octet,
                  std::size_t octets, std::uint16_t* out) {
  HWY_DYNAMIC_DISPATCH(noise_octets)(stream, layer, octet, octets, out);
}

const std::uint16_t* noise_run(std::uint64_t stream, std::uint64_t layer, std::uint64_t first,
                               std::size_t n, std::uint16_t* out) {
  const std::size_t skipped = first % 8;
  noise_octets(stream, layer, static_cast<std::uint32_t>(first / 8), (skipped + n + 7) / 8, out);
  return out + skipped;
}

}  // namespace terse::kernels
#endif
