// Every codec produces the bits of its reference on every instruction set.
#include "terse/compressors/reference/reference.h"

#include <set>

#include "compressors/codec_cases.h"
#include "compressors/support.h"
#include "compressors/targets.h"
#include "terse/base/hash.h"

namespace terse::test {
namespace {

// The sum of another rank's message, this rank's exact row and its own message, as defined in
// codec.h.
float sum_of(const Codec& codec, float theirs, float own, float mine, float weight) {
  if (codec.traits().majority_vote) own = own < 0 ? -1.0f : 1.0f;
  if (codec.traits().pattern != Pattern::reduce_scatter)
    return weight * theirs + weight * own + weight * mine;
  return ((theirs + own) + mine) * weight;
}

class Reference : public testing::TestWithParam<Case> {};

TEST_P(Reference, IsWhatEveryInstructionSetSends) {
  const CodecOptions& options = GetParam().options;
  const auto codec = make_codec(options);
  for (const std::size_t n : {0u, 1u, 7u, 509u, 2049u, 8193u, 70'001u}) {
    const float level = GetParam().level;
    const Input mine{gradient(n, 1), gradient(n, 2), gradient(n, 3), level, 24},
        other{gradient(n, 4), gradient(n, 5), gradient(n, 6), level, 24};
    for (const Feedback& f : {feedback::kNone, feedback::kClassic, feedback::dgc(0.9f, true, true),
                              Feedback{.ve = 1, .ev = 0.3f, .ee = 0.7f, .ed = -0.3f}}) {
      const Wanted wanted = wanted_of(options, mine, f), theirs = wanted_of(options, other, f);
      Floats sum(n);
      for (std::size_t i = 0; i < n; ++i)
        sum[i] =
            sum_of(*codec, theirs.message.decoded[i], wanted.v[i], wanted.message.decoded[i], 0.3f);
      on_every_target([&] {
        SCOPED_TRACE(n);
        Encoded got = encode(*codec, mine, f);
        expect_same(got, wanted, f);
        EXPECT_TRUE(same_bits(decode(*codec, got.payload, mine), wanted.message.decoded));
        Payload from_other = encode(*codec, other, f).payload;
        Floats u;
        EXPECT_TRUE(same_bits(
            unsigned_zeros(decode(*codec, {&from_other, nullptr, &got.payload}, mine, f, 0.3f, &u)),
            unsigned_zeros(sum)));
      });
    }
  }
}

// Values computed without the mathematical library: sums of four bytes, scaled by 2^-20 to 2^-27.
Floats plain_gradient(std::size_t n, std::uint64_t seed) {
  Floats values(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t bits = mix64(seed * n + i);
    int sum = -510;
    for (int byte = 0; byte < 4; ++byte) sum += static_cast<int>(bits >> 8 * byte & 255);
    values[i] = std::ldexp(static_cast<float>(sum), -20 - static_cast<int>(bits >> 32 & 7));
  }
  return values;
}

// Payloads, residuals and sums of every codec but PowerSGD, as one number: the same on every kind
// of machine. A change that alters a codec's bytes on purpose updates it, and docs/wire.md.
TEST(Bytes, AreTheSameOnEveryMachine) {
  std::uint64_t all = 0;
  std::string trail;
  for (const Case& one : pinned_cases()) {
    const auto codec = make_codec(one.options);
    const Input mine{plain_gradient(70'001, 1), plain_gradient(70'001, 2), {}, one.level, 24},
        other{plain_gradient(70'001, 3), plain_gradient(70'001, 4), {}, one.level, 24};
    Encoded sent = encode(*codec, mine, feedback::kClassic);
    Payload theirs = encode(*codec, other, feedback::kClassic).payload;
    const Floats sum =
        decode(*codec, {&theirs, nullptr, &sent.payload}, mine, feedback::kClassic, 0.3f);
    all = combine(all, hash64(sent.payload), hash64(bytes_of(std::span<const float>(sent.e))),
                  hash64(bytes_of(std::span<const float>(sum))));
    trail += fmt::format("{:016x} after {}\n", all, test_name(one));
  }
  EXPECT_EQ(all, 0xb8c7ebabea75ec0fu) << trail;
}

// gtopk, oktopk and scalecom send what topk does, through other exchanges.
TEST(Bytes, OfEveryCodecArePinned) {
  const std::set<std::string> like_topk{"gtopk", "oktopk", "scalecom"};
  for (const Case& one : registry_cases()) {
    const std::string& name = one.options.name;
    EXPECT_TRUE(has_codec(pinned_cases(), like_topk.contains(name) ? "topk" : name)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Reference, testing::ValuesIn(cases()),
                         [](const auto& one) { return test_name(one.param); });

}  // namespace
}  // namespace terse::test
