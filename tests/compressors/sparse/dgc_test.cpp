#include "terse/compressors/sparse/dgc.h"

#include <map>

#include "compressors/support.h"
#include "terse/compressors/sparse/magnitude/magnitude_sparsifier.h"

namespace terse::test {
namespace {

const Feedback kDgc = feedback::dgc(0.9f, false, true);

// The branch of the selection that produced a message.
enum class Branch { whole, fewer, truncated, exact };
Branch branch_of(const Floats& v, const Floats& sent, double density) {
  const double n = static_cast<double>(v.size());
  if (n <= std::ceil(2 / density - 1e-6)) return Branch::whole;
  float least = std::numeric_limits<float>::infinity(), left = 0;
  double count = 0;
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (sent[i] != 0) {
      ++count;
      least = std::min(least, std::abs(v[i]));
    } else {
      left = std::max(left, std::abs(v[i]));
    }
  }
  if (count < std::ceil(n * density - 1e-6)) return Branch::fewer;
  return least >= left ? Branch::exact : Branch::truncated;
}

TEST(Dgc, SendsWhatItsAuthorsCodeSelects) {
  const auto codec = make_dgc(0.01);
  std::map<Branch, int> walked;
  for (const std::size_t n : {1u, 100u, 1000u, 2000u, 2001u, 5003u, 36'864u, 65'537u, 200'003u}) {
    for (const double density : {0.001, 0.0031623, 0.01, 0.25, 1.0}) {
      for (std::uint64_t step = 0; step < 6; ++step) {
        Input input{.grad = gradient(n, n + step),
                    .e = gradient(n, n + step + 50),
                    .u = gradient(n, n + step + 90)};
        input.level = static_cast<float>(density);
        input.key.step = step;
        // Clustered values, for which samples give thresholds that are too high or too low.
        if (step >= 3) {
          for (std::size_t i = 0; i < n; ++i)
            input.grad[i] *= (i / 64) % 50 == step ? 30.0f : 0.01f;
        }
        expect_reference({.name = "dgc"}, input, kDgc);
        const Floats sent = decode(*codec, encode(*codec, input, kDgc).payload, input);
        ++walked[branch_of(fold_all(input, kDgc), sent, density)];
      }
    }
  }
  for (const Branch branch : {Branch::whole, Branch::fewer, Branch::truncated, Branch::exact})
    EXPECT_GT(walked[branch], 5) << static_cast<int>(branch);
}

TEST(Dgc, NeverSendsMoreThanItsShareAndUsuallyMostOfIt) {
  const auto codec = make_dgc(0.01);
  for (std::uint64_t step = 0; step < 20; ++step) {
    Input input{.grad = gradient(100'000, step), .level = 0.01f};
    input.key.step = step;
    const Encoded encoded = encode(*codec, input, feedback::kNone);
    const auto count = sparse_count(encoded.payload);
    EXPECT_LE(count, 1000u);
    EXPECT_GE(count, 800u);
    EXPECT_LE(encoded.payload.size(), codec->capacity(100'000, 0.01f));
    // Every sent value is at least as large as every unsent one, unless the message was truncated.
    if (count == 1000) continue;
    const Floats sent = decode(*codec, encoded.payload, input);
    float least = 1e9f, left = 0;
    for (std::size_t i = 0; i < sent.size(); ++i) {
      if (sent[i] != 0) least = std::min(least, std::abs(sent[i]));
      if (sent[i] == 0) left = std::max(left, std::abs(input.grad[i]));
    }
    EXPECT_LT(left, least);
  }
}

TEST(Dgc, ClearsVelocityAndResidualExactlyWhereItSent) {
  const auto codec = make_dgc(0.01);
  for (const bool masking : {true, false}) {
    for (const bool nesterov : {true, false}) {
      const Feedback f = feedback::dgc(0.9f, nesterov, masking);
      const std::size_t n = 20'000;
      const Input input{.grad = gradient(n, 1),
                        .e = gradient(n, 2),
                        .u = gradient(n, 3),
                        .level = 0.01f,
                        .scale = 0.7f};
      const Encoded encoded = encode(*codec, input, f);
      Floats u, v = fold_all(input, f, &u);
      Floats marks = decode(*codec, encoded.payload, input);
      std::size_t sent = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const bool here = marks[i] != 0;
        if (!here) continue;
        ++sent;
        ASSERT_EQ(marks[i], v[i]);
        v[i] = 0;
        if (masking) u[i] = 0;
      }
      EXPECT_GE(sent, 160u);
      EXPECT_LE(sent, 200u);
      EXPECT_TRUE(same_bits(encoded.e, v));
      EXPECT_TRUE(same_bits(encoded.u, u));
    }
  }
}

TEST(Dgc, StepsStartTheirSamplesApart) {
  const auto codec = make_dgc(0.01);
  Input input{.grad = gradient(100'000, 1), .level = 0.001f};
  std::vector<Payload> seen;
  for (std::uint64_t step = 0; step < 10; ++step) {
    input.key.step = step;
    Payload payload = encode(*codec, input, feedback::kNone).payload;
    EXPECT_EQ(encode(*codec, input, feedback::kNone).payload, payload);
    if (std::ranges::find(seen, payload) == seen.end()) seen.push_back(std::move(payload));
  }
  EXPECT_GT(seen.size(), 3u);
}

TEST(Dgc, ChecksItsOptions) {
  EXPECT_THROW(make_dgc(0.009), JobError);
  EXPECT_THROW(make_dgc(1.1), JobError);
  EXPECT_THROW(make_dgc(std::numeric_limits<double>::quiet_NaN()), JobError);
  EXPECT_THROW(make_dgc(0.01)->check(0, kDgc), JobError);
  make_dgc(1)->check(0.001f, kDgc);
}

TEST(Dgc, SamplesEverythingOfTheLeastDensities) {
  for (const float density : {1e-19f, 1e-30f, std::numeric_limits<float>::denorm_min()})
    EXPECT_TRUE(Sampling::of(0xffffffffu, density, 0.01).whole()) << density;
}

TEST(Dgc, SamplesEverythingIfAsked) {
  const auto codec = make_dgc(1);
  const Input input{.grad = gradient(50'000, 1), .level = 0.001f};
  const Encoded encoded = encode(*codec, input, feedback::kNone);
  EXPECT_EQ(sparse_count(encoded.payload), 50u);
}

}  // namespace
}  // namespace terse::test
