#include "terse/compressors/kernels/cpu/fold.h"

#include "compressors/support.h"
#include "compressors/targets.h"
#include "terse/compressors/kernels/cpu/quantize/half.h"

namespace terse::test {
namespace {

using kernels::Fold;
using kernels::FoldKind;

struct Result {
  Floats v, u, e;
  std::uint32_t peak = 0;
};

// Folds a row in runs of `run` elements and writes the residual after `dec`; `in_place` overwrites
// the memory.
Result run_fold(const Input& input, const Feedback& f, FoldKind kind, const Floats& dec,
                std::uint32_t run, bool in_place) {
  const std::size_t n = input.grad.size();
  Result result{Floats(n), input.u, input.e};
  result.u.resize(n);
  result.e.resize(n);
  Row row = row_of(input);
  row.u_out = result.u.data();
  row.e_out = result.e.data();
  if (in_place && row.u_in != nullptr) row.u_in = row.u_out;
  if (in_place && row.e_in != nullptr) row.e_in = row.e_out;
  Fold fold(row, f, kind);
  Floats buffer(run);
  for (std::uint32_t at = 0; at < n; at += run) {
    const auto v = fold.run(at, std::span(buffer).first(std::min<std::size_t>(run, n - at)));
    std::copy(v.begin(), v.end(), result.v.begin() + at);
    if (f.keeps_residual()) fold.write_residual(at, v, dec.data() + at);
    fold.clear(at, static_cast<std::uint32_t>(v.size()));
  }
  result.peak = fold.peak();
  return result;
}

std::vector<Feedback> all_feedbacks() {
  std::vector<Feedback> all = {
      feedback::kNone,
      feedback::kClassic,
      feedback::dgc(0.9f, false, true),
      feedback::dgc(0.9f, false, false),
      feedback::dgc(0.9f, true, false),
      feedback::second(feedback::kClassic, 3),
      {.vg = 0.1f, .ve = 1, .ev = 1, .ed = -1},        // learning rate inside
      {.vg = 0.5f, .ve = 0.9f, .ev = 1, .ed = -1},     // decay
      {.ve = 1, .ev = 0.3f, .ee = 0.7f, .ed = -0.3f},  // low-pass
      {.uu = 0.9f, .ug = 0.1f, .vu = 1, .vg = 0},      // signum
      {.uu = 0.1f, .ug = 0.9f, .vu = 1, .vg = 0, .ve = -1, .ee = 1, .ed = 1},  // EF21 with momentum
      {.ug = 2, .vu = 0.5f, .vg = 0, .ve = 1, .ev = 1, .ed = -1},
      {.uu = 0.5f, .vu = 3, .vg = 1, .ve = 0, .ev = 2}};
  const FeedbackOptions words{.momentum = 0.9f, .masking = true, .beta = 0.3f, .gamma = 0.7f};
  for (const FeedbackInfo& info : feedbacks()) all.push_back(info.make(words).at(0.05f));
  return all;
}

TEST(Fold, IsTheDefinitionToTheBitForEveryFeedbackAndKind) {
  for (const std::size_t n : {1u, 31u, 2047u, 2048u, 5000u}) {
    Input input{.grad = gradient(n, 1), .e = gradient(n, 2), .u = gradient(n, 3)};
    const Floats dec = gradient(n, 4);
    for (const std::optional<float> scale : {std::optional<float>(), std::optional<float>(0.37f)}) {
      input.scale = scale;
      for (const Feedback& f : all_feedbacks()) {
        Floats u;
        const Floats v = fold_all(input, f, &u);
        Floats e(n);
        for (std::size_t i = 0; i < n; ++i) e[i] = reference::residual(f, v[i], input.e[i], dec[i]);
        if (f.clear_velocity) u.assign(n, 0);
        for (const FoldKind kind : {kernels::fold_kind_of(f), FoldKind::general}) {
          for (const std::uint32_t run : {2048u, 5000u}) {
            for (const bool in_place : {false, true}) {
              const Result got = run_fold(input, f, kind, dec, run, in_place);
              EXPECT_TRUE(same_bits(got.v, v));
              EXPECT_TRUE(!f.keeps_velocity() || same_bits(got.u, u));
              EXPECT_TRUE(!f.keeps_residual() || same_bits(got.e, e));
              std::uint32_t peak = 0;
              for (const float x : v)
                peak = std::max(peak, std::bit_cast<std::uint32_t>(std::abs(x)));
              EXPECT_EQ(got.peak, peak);
            }
          }
        }
      }
    }
  }
}

TEST(Fold, AMemoryThatIsNotThereReadsAsZeros) {
  const Feedback dgc = feedback::dgc(0.9f, true, false);
  const Input absent{.grad = gradient(3000, 1)};
  Input zeros = absent;
  zeros.e.assign(3000, 0);
  zeros.u.assign(3000, 0);
  const Floats dec(3000, 0.25f);
  const Result a = run_fold(absent, dgc, FoldKind::dgc, dec, 2048, false);
  const Result b = run_fold(zeros, dgc, FoldKind::dgc, dec, 2048, false);
  EXPECT_TRUE(same_bits(a.v, b.v));
  EXPECT_TRUE(same_bits(a.u, b.u));
  EXPECT_TRUE(same_bits(a.e, b.e));
}

TEST(Fold, RecognizesKinds) {
  EXPECT_EQ(kernels::fold_kind_of(feedback::kNone), FoldKind::none);
  EXPECT_EQ(kernels::fold_kind_of(feedback::kClassic), FoldKind::classic);
  EXPECT_EQ(kernels::fold_kind_of(feedback::dgc(0.9f, true, true)), FoldKind::dgc);
  EXPECT_EQ(kernels::fold_kind_of(feedback::dgc(0.9f, false, true)), FoldKind::dgc);
  EXPECT_EQ(kernels::fold_kind_of(feedback::second(feedback::kClassic, 4)), FoldKind::none);
  EXPECT_EQ(kernels::fold_kind_of({.vg = 2}), FoldKind::general);
}

TEST(Fold, TwoStepsOfDgcWithNothingSent) {
  for (const bool nesterov : {false, true}) {
    const Feedback f = feedback::dgc(0.9f, nesterov, true);
    Input input{.grad = {1}};
    Floats u, v = fold_all(input, f, &u);
    const Floats nothing{0};
    for (int step = 0; step < 2; ++step) {
      Row row = row_of(input);
      Floats u_out(1), e_out(1), buffer(1);
      row.u_out = u_out.data();
      row.e_out = e_out.data();
      Fold fold(row, f);
      fold.write_residual(0, fold.run(0, buffer), nothing.data());
      input.u = u_out;
      input.e = e_out;
      const float wanted_u[2][2] = {{1, 1.9f}, {0.9f, 1.71f}},
                  wanted_v[2][2] = {{1, 2.9f}, {1.9f, 4.61f}};
      EXPECT_NEAR(input.u[0], wanted_u[nesterov][step], 1e-6);
      EXPECT_NEAR(input.e[0], wanted_v[nesterov][step], 1e-6);
    }
  }
}

TEST(Fold, PeaksRevealValuesThatAreNotFinite) {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN()}) {
    for (const std::size_t at : {0u, 17u, 2048u, 2999u}) {
      Input input{.grad = gradient(3000, 1), .e = Floats(3000, 1.0f)};
      input.grad[at] = bad;
      for (const Feedback& f : {feedback::kNone, feedback::kClassic}) {
        EXPECT_GE(run_fold(input, f, kernels::fold_kind_of(f), Floats(3000), 2048, false).peak,
                  0x7f800000u);
      }
    }
  }
}

TEST(Fold, AVelocityWithoutMemoryIsAnError) {
  const Input input{.grad = {1, 2}};
  const Row row = row_of(input);
  EXPECT_THROW(Fold(row, feedback::dgc(0.9f, false, true)), Error);
}

// Values of both signs, of one sign, zeros of both signs, mostly zeros, and equal values.
std::vector<Floats> kinds_of_values(std::size_t n) {
  Floats mixed = gradient(n, 1), above = mixed, below = mixed, zeros(n), mostly_zero(n),
         same(n, 0.3f);
  for (std::size_t i = 0; i < n; ++i) {
    above[i] = std::abs(mixed[i]) + 1e-20f;
    below[i] = -above[i];
    zeros[i] = i % 3 == 0 ? -0.0f : 0.0f;
    mostly_zero[i] = i % 7 == 0 ? mixed[i] : zeros[i];
  }
  return {mixed, above, below, zeros, mostly_zero, same};
}

TEST(Fold, RangesAreThoseOfItsValues) {
  const std::size_t most = 96;
  on_every_target([&] {
    for (const std::size_t n : {1u, 31u, 32u, 33u, 97u, 1000u, 2048u}) {
      for (const Floats& values : kinds_of_values(n)) {
        for (const Feedback& f : {feedback::kNone, feedback::kClassic}) {
          const Input input{.grad = values, .e = Floats(n, -0.0f), .scale = 0.7f};
          const Row row = row_of(input);
          Fold fold(row, f);
          fold.track_ranges();
          Floats into(n);
          const auto v = fold.run(0, into);
          EXPECT_EQ(std::bit_cast<float>(fold.peak()),
                    std::abs(*std::max_element(v.begin(), v.end(), [](float a, float b) {
                      return std::abs(a) < std::abs(b);
                    })));
          for (std::size_t at = 0; at < n; at += most) {
            const auto part = v.subspan(at, std::min(most, n - at));
            const kernels::Range got = fold.range(at, part);
            const auto [low, high] = std::minmax_element(part.begin(), part.end());
            EXPECT_EQ(got.low, *low) << n << " " << at;
            EXPECT_EQ(got.high, *high) << n << " " << at;
            EXPECT_FALSE(got.low == 0 && std::signbit(got.low));
          }
        }
      }
    }
  });
}

TEST(Fold, PeaksAreThoseOfItsValues) {
  on_every_target([] {
    for (const std::size_t n : {1u, 33u, 2048u, 2049u, 4096u}) {
      const Input input{.grad = gradient(n, 1), .e = gradient(n, 2)};
      const Row row = row_of(input);
      for (const Feedback& f : {feedback::kNone, feedback::kClassic}) {
        Fold fold(row, f);
        fold.track_peaks();
        Floats into(n);
        const auto v = fold.run(0, into);
        std::vector<std::uint32_t> wanted(kernels::peaks_for(n));
        for (std::size_t i = 0; i < n; ++i) {
          std::uint32_t& peak =
              wanted[i / kernels::kStretch * kernels::kPeakLanes + i % kernels::kPeakLanes];
          peak = std::max(peak, std::bit_cast<std::uint32_t>(std::abs(v[i])));
        }
        const auto got = fold.peaks().first(wanted.size());
        EXPECT_EQ(std::vector(got.begin(), got.end()), wanted) << n;
        EXPECT_EQ(fold.peak(), *std::max_element(wanted.begin(), wanted.end()));
      }
    }
  });
}

TEST(Fold, PeaksRevealThemWhileRangesAreTracked) {
  on_every_target([] {
    const float infinity = std::numeric_limits<float>::infinity();
    for (const float bad : {infinity, -infinity, std::nanf(""), -std::nanf("")}) {
      for (const std::size_t at : {0u, 40u, 99u}) {
        Input input{.grad = gradient(100, 1), .e = Floats(100)};
        input.grad[at] = bad;
        const Row row = row_of(input);
        Fold fold(row, feedback::kClassic);
        fold.track_ranges();
        Floats into(100);
        fold.run(0, into);
        EXPECT_GE(fold.peak(), kernels::kFp32Limit) << bad << " " << at;
      }
    }
  });
}

}  // namespace
}  // namespace terse::test
