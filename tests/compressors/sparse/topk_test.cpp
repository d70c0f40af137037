#include "terse/compressors/sparse/topk.h"

#include "compressors/support.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse::test {
namespace {

TEST(Shares, TakeTheDensityForTheDecimalFractionThatWasWritten) {
  EXPECT_EQ(floor_share(1000, 0.001f), 1u);
  EXPECT_EQ(ceil_share(1000, 0.001f), 1u);
  EXPECT_EQ(floor_share(10, 0.7f), 7u);
  EXPECT_EQ(ceil_share(10, 0.7f), 7u);
  EXPECT_EQ(floor_share(10, 0.3f), 3u);
  EXPECT_EQ(ceil_share(10, 0.3f), 3u);
  EXPECT_EQ(floor_share(1999, 0.001f), 1u);
  EXPECT_EQ(ceil_share(1001, 0.001f), 2u);
  EXPECT_EQ(floor_share(25'000'000, 0.001f), 25'000u);
  EXPECT_EQ(ceil_share(25'000'000, 0.001f), 25'000u);
  EXPECT_EQ(floor_share(7, 1.0f), 7u);
  EXPECT_EQ(ceil_share(7, 1.0f), 7u);
}

TEST(TopK, SendsWhatSortingFinds) {
  for (const std::size_t n :
       {0u, 1u, 2u, 7u, 1000u, 2047u, 8191u, 8193u, 20011u, 65537u, 200'000u}) {
    for (const float density : {0.001f, 0.01f, 0.3f, 1.0f}) {
      const Input input{.grad = gradient(n, n), .e = gradient(n, n + 1), .level = density};
      expect_reference({.name = "topk"}, input, feedback::kClassic);
      expect_reference({.name = "topk"}, input, feedback::kNone);
    }
  }
}

TEST(TopK, TiesGoToTheLowerIndex) {
  const std::size_t n = 30'000;
  Floats signs(n), sparse(n), steps(n), tiny(n);
  for (std::size_t i = 0; i < n; ++i) {
    signs[i] = i % 3 == 0 ? -1.0f : 1.0f;
    sparse[i] = i % 1000 == 999 ? 2.0f : (i % 2 == 0 ? 0.0f : -0.0f);
    steps[i] = static_cast<float>(i % 7);
    tiny[i] = std::bit_cast<float>(static_cast<std::uint32_t>(mix64(i) % 5) |
                                   (i % 2 == 0 ? 0x80000000u : 0u));
  }
  for (const Floats& values : {signs, sparse, steps, tiny, Floats(n, 0.0f), Floats(n, -0.0f)}) {
    for (const float density : {0.00005f, 0.001f, 0.0033f, 0.5f, 0.99f, 1.0f})
      expect_reference({.name = "topk"}, {.grad = values, .level = density}, feedback::kNone);
  }
}

// The samples do not represent the row, so the search must correct its estimate.
TEST(TopK, IsExactWhereASampleMisleads) {
  const std::size_t n = 64 * 500;
  Floats values = gradient(n, 9);
  for (std::size_t i = 0; i < n; i += 64) values[i] = 100.0f + static_cast<float>(i);
  for (const float density : {0.001f, 0.3f, 0.5f})
    expect_reference({.name = "topk"}, {.grad = values, .level = density}, feedback::kNone);
  for (std::size_t i = 0; i < n; i += 64) values[i] = 0;
  for (const float density : {0.001f, 0.01f})
    expect_reference({.name = "topk"}, {.grad = values, .level = density}, feedback::kNone);
}

// Values that were subtracted from the residual before the row turned out to be bad are restored.
TEST(TopK, KeepsAllOfARowThatIsNotFinite) {
  CodecOptions above{.name = "threshold", .threshold = 0.5};
  for (const auto& codec : {make_topk(), make_codec(above)}) {
    Input input{.grad = gradient(20'000, 1), .e = gradient(20'000, 2), .level = 0.01f};
    input.grad[19'999] = std::numeric_limits<float>::infinity();
    const Encoded encoded = encode(*codec, input, feedback::kClassic);
    EXPECT_EQ(encoded.bad, 0);
    EXPECT_TRUE(same_bits(encoded.e, fold_all(input, feedback::kClassic))) << codec->name();
  }
}

TEST(TopK, ScalesTheGradient) {
  expect_reference({.name = "topk"}, {.grad = gradient(10'000, 3), .level = 0.01f, .scale = 0.3f},
                   feedback::kNone);
}

TEST(TopK, ChecksDensity) {
  const auto codec = make_topk();
  for (const float density : {0.0f, -0.1f, 1.01f, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THROW(codec->check(density, feedback::kClassic), JobError) << density;
  }
  codec->check(1.0f, feedback::kClassic);
  codec->check(0.001f, feedback::kNone);
  codec->check(0.001f, feedback::dgc(0.9f, true, true));
}

// Few large values among many small ones, so that most stretches have none.
Floats few_large(std::size_t n, std::uint64_t seed) {
  Floats values = gradient(n, seed);
  for (float& value : values) value = std::pow(20 * value, 15.0f);
  return values;
}

TEST(TopKChunk, SendsTheLargestOfEachPart) {
  for (const std::size_t n : {0u, 1u, 100u, 4095u, 4096u, 4097u, 50'000u}) {
    for (const float density : {0.001f, 0.01f, 0.3f, 1.0f}) {
      for (const auto values : {gradient, few_large}) {
        const Input input{.grad = values(n, n), .e = values(n, n + 1), .level = density};
        expect_reference({.name = "topk_chunk"}, input, feedback::kClassic);
      }
    }
  }
}

// The estimate from one part must not mislead the search in the next.
TEST(TopKChunk, EndsWhateverTheValuesAre) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const float odd : {inf, std::nanf(""), 3e38f, 1e-40f, 0.0f}) {
    Input input{.grad = gradient(20'000, 1), .level = 0.01f};
    std::fill_n(input.grad.begin() + 4096, 100, odd);
    std::fill_n(input.grad.begin() + 3 * 4096, 4096, odd);
    const Encoded encoded = encode(*make_topk_chunk({}), input, feedback::kNone);
    EXPECT_EQ(encoded.bad, std::isfinite(odd) ? -1 : 0) << odd;
    if (std::isfinite(odd)) expect_reference({.name = "topk_chunk"}, input, feedback::kNone);
  }
}

TEST(Threshold, SendsWhatIsAboveItAndTheLargestOfTooMany) {
  const std::size_t n = 30'000;
  Input input{.grad = gradient(n, 1), .e = gradient(n, 2), .level = 0.2f};
  const auto sent = [&](double threshold) {
    const CodecOptions options{.name = "threshold", .threshold = threshold};
    expect_reference(options, input, feedback::kClassic);
    return sparse_count(encode(*make_codec(options), input, feedback::kClassic).payload);
  };
  EXPECT_GT(sent(0.25), 100u);
  EXPECT_LT(sent(0.25), 6000u);
  EXPECT_EQ(sent(1e9), 0u);
  input.level = 0.001f;
  EXPECT_EQ(sent(0.25), 30u);
  EXPECT_EQ(sent(0), 30u);
  EXPECT_THROW(make_threshold({.threshold = -1}), JobError);
  EXPECT_THROW(make_threshold({.threshold = std::numeric_limits<double>::quiet_NaN()}), JobError);
}

// With every element sampled, the estimate is exact.
TEST(TopKSampled, SendsTheLargestWithinItsEstimate) {
  const std::size_t n = 100'000;
  Input input{.grad = gradient(n, 1), .e = gradient(n, 2), .level = 0.01f};
  const Payload exact =
      encode(*make_topk_sampled({.sample_ratio = 1}), input, feedback::kClassic).payload;
  EXPECT_EQ(exact, encode(*make_topk(), input, feedback::kClassic).payload);
  for (std::uint64_t step = 0; step < 20; ++step) {
    input.key.step = step;
    expect_reference({.name = "topk_sampled"}, input, feedback::kClassic);
    const auto count =
        sparse_count(encode(*make_topk_sampled({}), input, feedback::kClassic).payload);
    EXPECT_GE(count, 300u);
    EXPECT_LE(count, 1000u);
  }
}

TEST(TopKSampled, SamplesOfFewAreInsideTheRow) {
  const auto codec = make_topk_sampled(CodecOptions{});
  for (std::size_t n = 1; n < 700; n += 7) {
    for (const float density : {0.02f, 0.3f, 0.9f, 1.0f}) {
      for (std::uint64_t step = 0; step < 8; ++step) {
        Input input{.grad = gradient(n, n), .level = density};
        for (float& value : input.grad) value += value < 0 ? -1.0f : 1.0f;
        input.key.step = step;
        const auto count = sparse_count(encode(*codec, input, feedback::kNone).payload);
        EXPECT_GE(count, 1u) << n << " " << density << " " << step;
        EXPECT_LE(count, std::max(1.0, static_cast<double>(n) * density * (1 + 1e-6)));
      }
    }
  }
}

}  // namespace
}  // namespace terse::test
