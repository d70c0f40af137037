#include "terse/compressors/topk.h"

#include "support.h"
#include "terse/compressors/sparsifier.h"

namespace terse::test {
namespace {

// The k largest magnitudes by sorting; the lower index first among equals.
std::vector<std::size_t> largest_of(const Floats& v, std::size_t k) {
  std::vector<std::size_t> order(v.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return std::abs(v[a]) > std::abs(v[b]); });
  order.resize(k);
  std::sort(order.begin(), order.end());
  return order;
}

Payload reference(const Floats& v, std::size_t k) {
  const std::vector<std::size_t> largest = largest_of(v, k);
  return sparse_payload(v, std::vector<std::uint32_t>(largest.begin(), largest.end()));
}

std::size_t k_of(std::size_t n, float density) {
  return n == 0 ? 0 : std::max<std::size_t>(1, floor_share(static_cast<double>(n), density));
}

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
  const auto codec = make_topk();
  for (const std::size_t n :
       {0u, 1u, 2u, 7u, 1000u, 2047u, 8191u, 8193u, 20011u, 65537u, 200'000u}) {
    for (const float density : {0.001f, 0.01f, 0.3f, 1.0f}) {
      const Input input{.grad = gradient(n, n), .e = gradient(n, n + 1), .level = density};
      const Floats v = fold_all(input, feedback::kClassic);
      EXPECT_EQ(encode(*codec, input, feedback::kClassic).payload, reference(v, k_of(n, density)))
          << n << " " << density;
      EXPECT_EQ(encode(*codec, input, feedback::kNone).payload,
                reference(input.grad, k_of(n, density)));
    }
  }
}

TEST(TopK, TiesGoToTheLowerIndex) {
  const auto codec = make_topk();
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
    for (const float density : {0.00005f, 0.001f, 0.0033f, 0.5f, 0.99f, 1.0f}) {
      const Input input{.grad = values, .level = density};
      EXPECT_EQ(encode(*codec, input, feedback::kNone).payload, reference(values, k_of(n, density)))
          << density;
    }
  }
}

// The sample that speeds the search up sees other values than the row has: the search must notice.
TEST(TopK, IsExactWhereASampleMisleads) {
  const auto codec = make_topk();
  const std::size_t n = 64 * 500;
  Floats values = gradient(n, 9);
  for (std::size_t i = 0; i < n; i += 64) values[i] = 100.0f + static_cast<float>(i);
  for (const float density : {0.001f, 0.3f, 0.5f}) {
    const Input high{.grad = values, .level = density};
    EXPECT_EQ(encode(*codec, high, feedback::kNone).payload, reference(values, k_of(n, density)));
  }
  for (std::size_t i = 0; i < n; i += 64) values[i] = 0;
  for (const float density : {0.001f, 0.01f}) {
    const Input low{.grad = values, .level = density};
    EXPECT_EQ(encode(*codec, low, feedback::kNone).payload, reference(values, k_of(n, density)));
  }
}

// What was taken out of the residual while the row was still thought to be sound is back.
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
  const auto codec = make_topk();
  const Input input{.grad = gradient(10'000, 3), .level = 0.01f, .scale = 0.3f};
  EXPECT_EQ(encode(*codec, input, feedback::kNone).payload,
            reference(fold_all(input, feedback::kNone), 100));
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

// Few large values among many small ones: most stretches hold none.
Floats few_large(std::size_t n, std::uint64_t seed) {
  Floats values = gradient(n, seed);
  for (float& value : values) value = std::pow(20 * value, 15.0f);
  return values;
}

TEST(TopKChunk, SendsTheLargestOfEachPart) {
  const auto codec = make_topk_chunk({});
  const auto expect = [&](const Input& input) {
    const std::size_t n = input.grad.size();
    const Floats v = fold_all(input, feedback::kClassic);
    std::vector<std::uint32_t> wanted;
    for (std::size_t at = 0; at < n; at += 4096) {
      const Floats part(v.begin() + static_cast<std::ptrdiff_t>(at),
                        v.begin() + static_cast<std::ptrdiff_t>(std::min(n, at + 4096)));
      for (const std::size_t i : largest_of(part, k_of(part.size(), input.level)))
        wanted.push_back(static_cast<std::uint32_t>(at + i));
    }
    EXPECT_EQ(encode(*codec, input, feedback::kClassic).payload, sparse_payload(v, wanted))
        << n << " " << input.level;
  };
  for (const std::size_t n : {0u, 1u, 100u, 4095u, 4096u, 4097u, 50'000u}) {
    for (const float density : {0.001f, 0.01f, 0.3f, 1.0f}) {
      expect({.grad = gradient(n, n), .e = gradient(n, n + 1), .level = density});
      expect({.grad = few_large(n, n), .e = few_large(n, n + 1), .level = density});
    }
  }
}

TEST(Threshold, SendsWhatIsAboveItAndTheLargestOfTooMany) {
  const std::size_t n = 30'000;
  Input input{.grad = gradient(n, 1), .e = gradient(n, 2), .level = 0.2f};
  const Floats v = fold_all(input, feedback::kClassic);
  std::vector<std::uint32_t> wanted;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (std::abs(v[i]) > 0.25f) wanted.push_back(i);
  }
  ASSERT_GT(wanted.size(), 100u);
  ASSERT_LT(wanted.size(), 6000u);
  const auto codec = make_threshold({.threshold = 0.25});
  EXPECT_EQ(encode(*codec, input, feedback::kClassic).payload, sparse_payload(v, wanted));
  input.level = 0.001f;
  EXPECT_EQ(encode(*codec, input, feedback::kClassic).payload, reference(v, 30));
  const auto zero = make_threshold({.threshold = 0});
  EXPECT_EQ(encode(*zero, input, feedback::kClassic).payload, reference(v, 30));
  EXPECT_THROW(make_threshold({.threshold = -1}), JobError);
  EXPECT_THROW(make_threshold({.threshold = std::numeric_limits<double>::quiet_NaN()}), JobError);
}

// With samples of everything the estimate is exact.
TEST(TopKSampled, SendsTheLargestWithinItsEstimate) {
  const std::size_t n = 100'000;
  const Input input{.grad = gradient(n, 1), .e = gradient(n, 2), .level = 0.01f};
  const Floats v = fold_all(input, feedback::kClassic);
  EXPECT_EQ(encode(*make_topk_sampled({.sample_ratio = 1}), input, feedback::kClassic).payload,
            reference(v, 1000));
  const auto codec = make_topk_sampled({});
  for (std::uint64_t step = 0; step < 20; ++step) {
    Input one = input;
    one.key.step = step;
    const Payload payload = encode(*codec, one, feedback::kClassic).payload;
    const std::uint32_t count = sparse_count(payload);
    EXPECT_GE(count, 300u);
    EXPECT_LE(count, 1000u);
    EXPECT_EQ(payload, reference(v, count)) << step;
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
