#include "terse/compressors/signs/sign.h"

#include "compressors/support.h"

namespace terse::test {
namespace {

const Feedback kSignum{.uu = 0.9f, .ug = 0.1f, .vu = 1, .vg = 0};
const std::size_t kShapes[] = {1, 2, 7, 8, 9, 31, 33, 509, 2047, 2048, 2049, 7919, 70'001};

TEST(EfSign, GoldenStep) {
  const Input input{.grad = {3, -1}, .e = {0, 0}};
  const Encoded encoded = encode(*make_ef_sign(), input, feedback::kClassic);
  EXPECT_TRUE(same_bits(decode(*make_ef_sign(), encoded.payload, input), Floats{2, -2}));
  EXPECT_TRUE(same_bits(encoded.e, Floats{1, 1}));
}

TEST(OneBit, GoldenStep) {
  const Input input{.grad = {3, -1, 1, -4, 0}, .e = Floats(5)};
  const Encoded encoded = encode(*make_onebit(), input, feedback::kClassic);
  const float high = static_cast<float>(4.0 / 3);
  EXPECT_TRUE(same_bits(decode(*make_onebit(), encoded.payload, input),
                        Floats{high, -2.5f, high, -2.5f, high}));
}

TEST(Signs, AreTheReferenceToTheBit) {
  for (const std::size_t n : kShapes) {
    const Input input{.grad = gradient(n, n), .e = gradient(n, n + 1), .u = gradient(n, n + 2)};
    for (const Feedback& f : {feedback::kClassic, kSignum, feedback::dgc(0.9f, true, false)}) {
      for (const char* name : {"signsgd", "ef_sign", "onebit"})
        expect_reference({.name = name}, input, f);
    }
  }
}

TEST(Signs, VelocityInPlaceIsFoldedOnce) {
  const Feedback f = feedback::dgc(0.9f, true, false);
  const Input input{.grad = gradient(5000, 1), .e = gradient(5000, 2), .u = gradient(5000, 3)};
  for (const auto& codec : {make_ef_sign(), make_onebit()}) {
    const Encoded apart = encode(*codec, input, f);
    Floats e = input.e, u = input.u;
    Row row = row_of(input);
    row.e_in = row.e_out = e.data();
    row.u_in = row.u_out = u.data();
    Payload body(codec->capacity(row.n, 0));
    Mailbox out;
    out.emplace_back(std::vector<std::uint32_t>{1}, body.size());
    out[0].bind(body);
    Workspace workspace(codec->scratch(row.n, 0));
    codec->encode({&row, 1}, f, input.key, out, {.scratch = workspace.bytes()});
    EXPECT_EQ(body, apart.payload);
    EXPECT_TRUE(same_bits(e, apart.e));
    EXPECT_TRUE(same_bits(u, apart.u));
  }
}

// ||v - C(v)||^2 = (1 - ||v||_1^2 / (d ||v||_2^2)) ||v||^2 for ef_sign; onebit is not worse.
TEST(Signs, ScaledOnesContract) {
  for (const std::size_t n : {1u, 17u, 2048u, 7919u}) {
    const Input input{.grad = gradient(n, n)};
    double one = 0, two = 0;
    for (const float x : input.grad) one += std::abs(x), two += static_cast<double>(x) * x;
    const double bound = two - one * one / static_cast<double>(n);
    for (const auto& codec : {make_ef_sign(), make_onebit()}) {
      const Floats decoded = decode(*codec, encode(*codec, input, feedback::kNone).payload, input);
      double error = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const double rest = static_cast<double>(input.grad[i]) - decoded[i];
        error += rest * rest;
      }
      EXPECT_TRUE(error <= bound + 1e-6 * two) << codec->name() << " " << n;
    }
  }
}

TEST(SignSgd, TheMajorityDecidesAndATieIsPositive) {
  const auto codec = make_signsgd();
  const Input a{.grad = {1, -2, 0, -0.0f}}, b{.grad = {-1, -3, -1, 5}};
  Payload pa = encode(*codec, a, feedback::kNone).payload,
          pb = encode(*codec, b, feedback::kNone).payload;
  const Input sum{.grad = decode(*codec, {&pa, &pb}, a, feedback::kNone, 1)};
  EXPECT_TRUE(same_bits(sum.grad, Floats{0, -2, 0, 2}));
  const Payload vote = encode(*codec, sum, feedback::kNone).payload;
  EXPECT_TRUE(same_bits(decode(*codec, vote, a), Floats{1, -1, 1, 1}));
}

TEST(SignSgd, AVoteThatIsNoNumberIsNotLost) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    const Input own{.grad = {1, bad, -1}};
    const Floats got = decode(*make_signsgd(), {nullptr}, own, feedback::kNone, 1);
    EXPECT_TRUE(std::isnan(got[1]));
    EXPECT_EQ(got[0], 1);
    EXPECT_EQ(got[2], -1);
  }
}

TEST(Signs, RefuseWhatTheyCannotDo) {
  EXPECT_THROW(make_signsgd()->check(0, feedback::kClassic), JobError);
  EXPECT_THROW(make_signum()->check(0, feedback::kClassic), JobError);
  EXPECT_NO_THROW(make_signum()->check(0, kSignum));
  EXPECT_NO_THROW(make_ef_sign()->check(0, feedback::kClassic));
  const Input shape{.grad = Floats(9)};
  for (const float head : {-1.0f, 2.0f, std::numeric_limits<float>::quiet_NaN(),
                           std::numeric_limits<float>::infinity()}) {
    Payload payload(6);
    store(payload.data(), head);
    EXPECT_THROW(decode(*make_signsgd(), payload, shape), DamagedMessage) << head;
    if (head != 2) {
      EXPECT_THROW(decode(*make_ef_sign(), payload, shape), DamagedMessage) << head;
    }
    Payload wide(10);
    store(wide.data(), 1.0f);
    store(wide.data() + 4, head == -1 ? 1.0f : head);
    EXPECT_THROW(decode(*make_onebit(), wide, shape), DamagedMessage) << head;
  }
}

// A sum that overflows fp32 makes the row bad: it is sent as zeros.
TEST(Signs, AMeanThatOverflowsMakesTheRowBad) {
  const Input input{.grad = Floats(100, 3e38f)};
  for (const auto& codec : {make_ef_sign(), make_onebit()}) {
    Encoded encoded = encode(*codec, input, feedback::kNone);
    EXPECT_EQ(encoded.bad, 0);
    EXPECT_TRUE(same_bits(decode(*codec, encoded.payload, input), Floats(100)));
  }
}

}  // namespace
}  // namespace terse::test
