#include "terse/compressors/kernels/uniform.h"

#include "terse/base/random.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/uniform.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/compressors/kernels/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::ScalableTag<std::uint64_t>;
using Narrow = hn::Repartition<std::uint32_t, Wide>;
using Words = hn::Vec<Wide>;

// The four words of as many counters as there are lanes, each in the low half of a 64-bit lane.
// What the high halves hold is never looked at: the multiplication reads low halves alone.
struct Counters {
  Words a, b, x, y;
};

TERSE_INLINE Counters start(std::uint64_t layer, std::uint32_t counter) {
  const Wide wide;
  const Narrow narrow;
  const auto low = hn::BitCast(narrow, hn::Iota(wide, 0));
  const auto counters = hn::Add(low, hn::Set(narrow, counter));
  return {hn::BitCast(wide, counters), hn::Zero(wide),
          hn::Set(wide, static_cast<std::uint32_t>(layer)), hn::Set(wide, layer >> 32)};
}

TERSE_INLINE Counters turn(const Counters& c, Words k0, Words k1) {
  const Narrow narrow;
  const Words p0 = hn::MulEven(hn::BitCast(narrow, c.a), hn::Set(narrow, 0xD2511F53u));
  const Words p1 = hn::MulEven(hn::BitCast(narrow, c.x), hn::Set(narrow, 0xCD9E8D57u));
  return {hn::Xor(hn::Xor(hn::ShiftRight<32>(p1), c.b), k0), p1,
          hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), c.y), k1), p0};
}

// Of two words in low halves, the pair of floats in one lane.
TERSE_INLINE Words unit_pair(Words low, Words high) {
  const Wide wide;
  const Narrow narrow;
  const hn::RebindToFloat<Narrow> floats;
  const auto bits =
      hn::OddEven(hn::BitCast(narrow, hn::ShiftLeft<32>(high)), hn::BitCast(narrow, low));
  const hn::RebindToSigned<Narrow> whole;
  const auto numbers = hn::ConvertTo(floats, hn::BitCast(whole, hn::ShiftRight<8>(bits)));
  return hn::BitCast(wide, hn::Mul(numbers, hn::Set(floats, 0x1.0p-24f)));
}

TERSE_INLINE void finish(const Counters& c, float* out) {
  const Wide wide;
  hn::StoreInterleaved2(unit_pair(c.a, c.b), unit_pair(c.x, c.y), wide,
                        reinterpret_cast<std::uint64_t*>(out));
}

// Two runs of counters at a time hide the latency of the multiplications. Returns how many quads it
// made.
TERSE_INLINE std::size_t quads_by_vectors(std::uint64_t stream, std::uint64_t layer,
                                          std::uint32_t quad, std::size_t quads, float* out) {
  const Wide wide;
  const std::size_t lanes = hn::Lanes(wide);
  std::size_t q = 0;
  for (; q + 2 * lanes <= quads; q += 2 * lanes) {
    const std::uint32_t counter = quad + static_cast<std::uint32_t>(q);
    Counters one = start(layer, counter),
             two = start(layer, counter + static_cast<std::uint32_t>(lanes));
    auto k0 = static_cast<std::uint32_t>(stream), k1 = static_cast<std::uint32_t>(stream >> 32);
    for (int i = 0; i < 10; ++i) {
      one = turn(one, hn::Set(wide, k0), hn::Set(wide, k1));
      two = turn(two, hn::Set(wide, k0), hn::Set(wide, k1));
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    finish(one, out + 4 * q);
    finish(two, out + 4 * (q + lanes));
  }
  return q;
}
#else
TERSE_INLINE std::size_t quads_by_vectors(std::uint64_t, std::uint64_t, std::uint32_t, std::size_t,
                                          float*) {
  return 0;
}
#endif

void uniform_quads(std::uint64_t stream, std::uint64_t layer, std::uint32_t quad, std::size_t quads,
                   float* out) {
  for (std::size_t q = quads_by_vectors(stream, layer, quad, quads, out); q < quads; ++q) {
    const Philox4 draw = philox(stream, quad + static_cast<std::uint32_t>(q), layer);
    for (std::size_t j = 0; j < 4; ++j) out[4 * q + j] = unit_float(draw[j]);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {

HWY_EXPORT(uniform_quads);

void uniform_quads(std::uint64_t stream, std::uint64_t layer, std::uint32_t quad, std::size_t quads,
                   float* out) {
  HWY_DYNAMIC_DISPATCH(uniform_quads)(stream, layer, quad, quads, out);
}

const float* uniform_run(std::uint64_t stream, std::uint64_t layer, std::uint64_t first,
                         std::size_t n, float* out) {
  const std::size_t skipped = first % 4;
  uniform_quads(stream, layer, static_cast<std::uint32_t>(first / 4), (skipped + n + 3) / 4, out);
  return out + skipped;
}

}  // namespace terse::kernels
#endif
