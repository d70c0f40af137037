#include "terse/compressors/quantizers/ternary.h"

#include "compressors/support.h"

namespace terse::test {
namespace {

// Encodes and decodes one row that may have a shared scale.
struct Shared {
  Payload payload;
  Floats decoded;
};
Shared through(const Codec& codec, const Input& input, const float* shared) {
  Row row = row_of(input);
  row.shared = shared;
  Shared result{Payload(codec.capacity(row.n, row.level)), Floats(row.n)};
  Mailbox box;
  box.emplace_back(std::vector<std::uint32_t>{1}, result.payload.size());
  box[0].bind(result.payload);
  Workspace workspace(codec.scratch(row.n, row.level));
  codec.encode({&row, 1}, feedback::kNone, input.key, box, {.scratch = workspace.bytes()});
  row.out = result.decoded.data();
  codec.decode({&row, 1}, box, 1, feedback::kNone, {.scratch = workspace.bytes()});
  return result;
}

TEST(TernGrad, IsTheReferenceToTheBit) {
  for (const std::size_t n : {0u, 1u, 3u, 4u, 5u, 100u, 2047u, 2049u, 7919u}) {
    for (const double clip : {0.0, 1.0, 2.5})
      expect_reference({.name = "terngrad", .clip = clip},
                       {.grad = gradient(n, n), .e = gradient(n, 4)}, feedback::kClassic);
  }
}

TEST(TernGrad, ClipsAtStandardDeviations) {
  Input input{.grad = Floats(4000)};
  const RandomStream stream(3, "clip");
  double squares = 0, sum = 0;
  for (std::size_t i = 0; i < 4000; ++i) {
    input.grad[i] = stream.normal(i);
    sum += input.grad[i];
    squares += static_cast<double>(input.grad[i]) * input.grad[i];
  }
  const double deviation = std::sqrt(squares / 4000 - sum / 4000 * (sum / 4000));
  const Payload payload = encode(*make_terngrad(2.5), input, feedback::kNone).payload;
  EXPECT_NEAR(load<float>(payload.data()), 2.5 * deviation, 1e-5);
  const Floats decoded = decode(*make_terngrad(2.5), payload, input);
  for (std::size_t i = 0; i < 4000; ++i) {
    if (std::abs(input.grad[i]) > 2.6) {
      EXPECT_NE(decoded[i], 0) << "what is clipped is always sent";
    }
  }
  const Input equal{.grad = Floats(100, 3.0f)};
  EXPECT_TRUE(same_bits(decode(*make_terngrad(2.5),
                               encode(*make_terngrad(2.5), equal, feedback::kNone).payload, equal),
                        equal.grad));
}

TEST(TernGrad, IsUnbiased) {
  constexpr int kDraws = 2000;
  Input input{.grad = gradient(500, 3)};
  float scale = 0;
  for (const float x : input.grad) scale = std::max(scale, std::abs(x));
  std::vector<double> sum(500);
  for (int step = 0; step < kDraws; ++step) {
    input.key.step = static_cast<std::uint64_t>(step);
    const Floats decoded =
        decode(*make_terngrad(0), encode(*make_terngrad(0), input, feedback::kNone).payload, input);
    for (std::size_t i = 0; i < 500; ++i) sum[i] += decoded[i];
  }
  for (std::size_t i = 0; i < 500; ++i) {
    // The variance is |v| (s - |v|); 12 s / draws allows for rare draws that did not occur.
    const double v = std::abs(input.grad[i]),
                 deviation = std::sqrt(v * (scale - v) / kDraws) + 2.0 * scale / kDraws;
    EXPECT_TRUE(std::abs(sum[i] / kDraws - input.grad[i]) <= 6 * deviation) << i;
  }
}

TEST(TernGrad, CountsInTheSharedScale) {
  const Input input{.grad = gradient(3000, 1)};
  const float shared = 7;
  const Shared got = through(*make_terngrad(2.5), input, &shared);
  EXPECT_EQ(load<float>(got.payload.data()), shared);
  const Floats scaled = decode(*make_terngrad(2.5), got.payload, input);
  for (std::size_t i = 0; i < 3000; ++i) {
    ASSERT_TRUE(got.decoded[i] == 0 || got.decoded[i] == 1 || got.decoded[i] == -1);
    ASSERT_EQ(scaled[i], 7 * got.decoded[i]);
  }
}

TEST(TernGrad, SumsOfAnyWorldAreSentExactly) {
  for (const int world : {1, 2, 3, 4, 7, 8, 63, 64, 127, 128, 1000, 32767}) {
    Input input{.grad = Floats(5000), .level = static_cast<float>(world)};
    for (std::size_t i = 0; i < 5000; ++i) {
      const auto range = static_cast<std::uint64_t>(2 * world + 1);
      input.grad[i] = static_cast<float>(static_cast<int>(mix64(i) % range) - world);
    }
    input.grad[0] = static_cast<float>(world);
    input.grad[1] = static_cast<float>(-world);
    const float unit = 0.3f;
    const Shared got = through(*make_terngrad(2.5), input, &unit);
    EXPECT_TRUE(same_bits(got.decoded, input.grad)) << world;
    const Floats scaled = decode(*make_terngrad(2.5), got.payload, input);
    for (std::size_t i = 0; i < 5000; ++i) ASSERT_EQ(scaled[i], unit * input.grad[i]) << world;
    unsigned bits = 2;
    while ((1 << bits) < 2 * world + 1) ++bits;
    EXPECT_EQ(got.payload.size(), 4 + 5000u * (bits > 8 ? 16 : bits) / 8) << world;
  }
}

TEST(TernGrad, MeasuresWithoutWriting) {
  const Input input{.grad = gradient(3000, 1), .e = gradient(3000, 2)};
  Row row = row_of(input);
  Floats e = input.e;
  row.e_in = row.e_out = e.data();
  Workspace workspace(make_terngrad(0)->scratch(3000, 0));
  float scale = -1;
  make_terngrad(0)->measure({&row, 1}, feedback::kClassic, {&scale, 1},
                            {.scratch = workspace.bytes()});
  float wanted = 0;
  for (const float x : fold_all(input, feedback::kClassic)) wanted = std::max(wanted, std::abs(x));
  EXPECT_EQ(scale, wanted);
  EXPECT_TRUE(same_bits(e, input.e));
  EXPECT_THROW(
      make_codec({.name = "fp16"})
          ->measure({&row, 1}, feedback::kClassic, {&scale, 1}, {.scratch = workspace.bytes()}),
      Error);
}

TEST(TernGrad, RefusesWhatItCannotDo) {
  for (const double clip : {-1.0, 0.5, 101.0, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_THROW(make_terngrad(clip), JobError) << clip;
  EXPECT_THROW(make_terngrad(0)->check(0, feedback::dgc(0.9f, true, true)), JobError);
  for (const float level : {-1.0f, 2.5f, 1e30f, std::numeric_limits<float>::quiet_NaN()})
    EXPECT_THROW(make_terngrad(0)->check(level, feedback::kNone), JobError) << level;
  const Input shape{.grad = Floats(4)}, sum{.grad = Floats(4), .level = 5};
  Payload payload(5);
  store(payload.data(), 1.0f);
  payload[4] = std::byte{3};  // a code that is none
  EXPECT_THROW(decode(*make_terngrad(0), payload, shape), DamagedMessage);
  payload[4] = std::byte{2};
  EXPECT_NO_THROW(decode(*make_terngrad(0), payload, shape));
  store(payload.data(), -1.0f);
  EXPECT_THROW(decode(*make_terngrad(0), payload, shape), DamagedMessage);
  Payload large(6);
  large[4] = std::byte{11};  // [-5, 5] has codes up to 10
  EXPECT_THROW(decode(*make_terngrad(0), large, sum), DamagedMessage);
  large[4] = std::byte{10};
  EXPECT_NO_THROW(decode(*make_terngrad(0), large, sum));
}

}  // namespace
}  // namespace terse::test
