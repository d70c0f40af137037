#include "terse/compressors/low_rank/low_rank.h"

#include <limits>

#include "compressors/support.h"
#include "compressors/targets.h"
#include "terse/compressors/kernels/cpu/matrix.h"
#include "terse/compressors/reference/bits.h"
#include "terse/compressors/reference/low_rank.h"

namespace terse::test {
namespace {

using kernels::MatrixRows;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float outer_product_at(const MatrixRows& s, const Floats& p, const Floats& q, std::size_t at) {
  return reference::outer_product_element({p.data(), s.p_length}, {q.data(), s.q_length}, s.vectors,
                                          at / s.columns, at % s.columns);
}

struct Example {
  MatrixRows shape;
  Floats m, p, q;
};

// Vectors longer than the rows and columns, all unaligned.
Example example(std::size_t rows, std::size_t columns, std::size_t vectors) {
  const std::uint64_t seed = rows * 1'000'000 + columns * 100 + vectors;
  const MatrixRows shape{rows, columns, vectors, rows + 3, columns + 5};
  return {shape, gradient(rows * columns, seed), gradient(vectors * shape.p_length, seed + 1),
          gradient(vectors * shape.q_length, seed + 2)};
}

// Calls body(example) for many shapes on every instruction set.
template <class Body>
void for_shapes(Body&& body) {
  on_every_target([&] {
    for (const std::size_t rows : {1, 2, 3, 4, 5, 8, 17}) {
      for (const std::size_t columns : {1, 7, 8, 9, 16, 31, 48, 1025, 2053}) {
        for (const std::size_t vectors : {1, 2, 3, 4, 5, 8, 11})
          body(example(rows, columns, vectors));
      }
    }
  });
}

TEST(MatrixKernels, TimesVectorsIsTheReferenceToTheBit) {
  for_shapes([&](const Example& x) {
    Floats got(x.p.size(), 7.0f), wanted = got;
    kernels::times_vectors(x.shape, x.m.data(), x.q.data(), got.data());
    for (std::size_t i = 0; i < x.shape.rows; ++i) {
      for (std::size_t k = 0; k < x.shape.vectors; ++k)
        wanted[k * x.shape.p_length + i] =
            reference::product(std::span(x.m).subspan(i * x.shape.columns, x.shape.columns),
                               std::span(x.q).subspan(k * x.shape.q_length, x.shape.columns));
    }
    ASSERT_TRUE(same_bits(got, wanted)) << x.shape.rows << " " << x.shape.columns;
  });
}

TEST(MatrixKernels, TransposedTimesIsTheReferenceToTheBit) {
  for_shapes([&](const Example& x) {
    Floats got = x.q, wanted = x.q;
    kernels::add_transposed_times(x.shape, x.m.data(), x.p.data(), got.data());
    for (std::size_t i = 0; i < x.shape.rows; ++i) {
      for (std::size_t k = 0; k < x.shape.vectors; ++k) {
        for (std::size_t j = 0; j < x.shape.columns; ++j)
          wanted[k * x.shape.q_length + j] +=
              x.m[i * x.shape.columns + j] * x.p[k * x.shape.p_length + i];
      }
    }
    ASSERT_TRUE(same_bits(got, wanted)) << x.shape.rows << " " << x.shape.columns;
  });
}

TEST(MatrixKernels, SpanIsTheReferenceToTheBit) {
  for_shapes([&](const Example& x) {
    Floats wanted(x.m.size()), left(x.m.size());
    for (std::size_t at = 0; at < x.m.size(); ++at) {
      wanted[at] = outer_product_at(x.shape, x.p, x.q, at);
      left[at] = x.m[at] - wanted[at];
    }
    Floats out(x.m.size()), both_out = out, both_left = x.m, only_left = x.m;
    kernels::outer_product(x.shape, x.p.data(), x.q.data(), out.data());
    kernels::outer_product_and_subtract(x.shape, x.p.data(), x.q.data(), both_out.data(),
                                        both_left.data());
    kernels::subtract_outer_product(x.shape, x.p.data(), x.q.data(), only_left.data());
    ASSERT_TRUE(same_bits(out, wanted)) << x.shape.rows << " " << x.shape.columns;
    ASSERT_TRUE(same_bits(both_out, wanted));
    ASSERT_TRUE(same_bits(both_left, left));
    ASSERT_TRUE(same_bits(only_left, left));
  });
}

double plain_dot(const float* a, const float* b, std::size_t n) {
  return reference::dot({a, n}, {b, n});
}

TEST(Orthonormalize, IsTheReferenceToTheBitAndOrthonormal) {
  for (const std::size_t length : {8, 31, 32, 33, 997, 4608}) {
    for (const std::size_t count : {1, 2, 4, 7}) {
      Floats v = gradient(length * count, length + count), wanted = v;
      low_rank::orthonormalize(v.data(), length, count);
      reference::orthonormalize(wanted, length, count);
      ASSERT_TRUE(same_bits(v, wanted)) << length << " " << count;
      for (std::size_t k = 0; k < count; ++k) {
        for (std::size_t j = 0; j <= k; ++j) {
          const double d = plain_dot(&v[k * length], &v[j * length], length);
          EXPECT_TRUE(std::abs(d - (j == k)) < 1e-6) << length << " " << k << " " << j << ": " << d;
        }
      }
    }
  }
}

TEST(Orthonormalize, WhatIsNoNewDirectionBecomesZero) {
  const std::size_t n = 64;
  const Floats a = gradient(n, 1), b = gradient(n, 2);
  Floats v(5 * n);
  for (std::size_t i = 0; i < n; ++i) {
    v[i] = a[i];
    v[n + i] = 3 * a[i];                  // as before
    v[2 * n + i] = 0;                     // nothing
    v[3 * n + i] = i == 5 ? kNan : b[i];  // not a vector
    v[4 * n + i] = b[i] - a[i];           // new
  }
  low_rank::orthonormalize(v.data(), n, 5);
  for (std::size_t k = 0; k < 5; ++k) {
    const double size = plain_dot(&v[k * n], &v[k * n], n);
    EXPECT_TRUE(std::abs(size - (k == 0 || k == 4)) < 1e-6) << k << ": " << size;
  }
  EXPECT_TRUE(std::abs(plain_dot(&v[0], &v[4 * n], n)) < 1e-6);
}

TEST(Orthonormalize, OneInfinityIsNoVector) {
  Floats v = gradient(64, 1);
  v[7] = std::numeric_limits<float>::infinity();
  low_rank::orthonormalize(v.data(), 64, 1);
  for (const float x : v) ASSERT_EQ(x, 0.0f);
}

TEST(Orthonormalize, SizeDoesNotMatter) {
  for (const float size : {1e-42f, 1e-30f, 1e30f, 3e38f}) {
    Floats v(2 * 100);
    for (std::size_t i = 0; i < 100; ++i) {
      v[i] = size;
      v[100 + i] = i % 2 == 0 ? size : -size;
    }
    low_rank::orthonormalize(v.data(), 100, 2);
    EXPECT_TRUE(std::abs(v[0] - 0.1) < 1e-6) << size;
    EXPECT_TRUE(std::abs(v[101] + 0.1) < 1e-6) << size;
  }
}

TEST(Renew, DrawsWhatIsZeroAndNothingElse) {
  const std::size_t n = 500;
  const Key key{.seed = 9, .step = 4, .rank = kShared};
  Floats fresh(3 * n, 0.0f);
  low_rank::reseed_zero_columns(fresh.data(), n, 3, key, kLayer);
  Floats again(3 * n, 0.0f), other = again, kept = fresh;
  low_rank::reseed_zero_columns(again.data(), n, 3, key, kLayer);
  EXPECT_TRUE(same_bits(again, fresh));
  low_rank::reseed_zero_columns(other.data(), n, 3, key, kLayer + 1);
  EXPECT_FALSE(same_bits(other, fresh));
  std::fill_n(kept.begin() + n, n, 0.0f);
  low_rank::reseed_zero_columns(kept.data(), n, 3, key, kLayer);
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t j = 0; j <= k; ++j) {
      EXPECT_TRUE(std::abs(plain_dot(&kept[k * n], &kept[j * n], n) - (j == k)) < 1e-6);
      EXPECT_TRUE(std::abs(plain_dot(&fresh[k * n], &fresh[j * n], n) - (j == k)) < 1e-6);
    }
  }
  for (const std::size_t k : {std::size_t{0}, std::size_t{2}}) {
    for (std::size_t i = 0; i < n; ++i)
      ASSERT_TRUE(std::abs(kept[k * n + i] - fresh[k * n + i]) < 1e-6);
  }
}

// The moments of 200,000 drawn numbers, within five sigma.
TEST(Renew, IsNearNormal) {
  const std::size_t n = 200'000;
  Floats v(n, 0.0f);
  low_rank::reseed_zero_columns(v.data(), n, 1, {.seed = 3, .rank = kShared}, kLayer);
  double sum = 0, fourth = 0;
  for (const float x : v) {
    const double y = x * std::sqrt(static_cast<double>(n));  // variance 1, as v has norm 1
    sum += y;
    fourth += y * y * y * y;
  }
  EXPECT_TRUE(std::abs(sum / n) < 5 / std::sqrt(1.0 * n)) << sum / n;
  EXPECT_TRUE(std::abs(fourth / n - 2.7) < 0.05) << fourth / n;  // 3 - 1.2 / 4 for four bytes
}

TEST(LowRankShape, GoldenValues) {
  EXPECT_TRUE(low_rank::saves_bytes(low_rank::shape_of(64, 27, 1)));    // 182 < 1728
  EXPECT_FALSE(low_rank::saves_bytes(low_rank::shape_of(10, 512, 8)));  // 8352 >= 5120
  EXPECT_EQ(low_rank::shape_of(10, 512, 64).rank, 10u);
  EXPECT_FALSE(low_rank::saves_bytes(low_rank::shape_of(0, 0, 4)));
  EXPECT_FALSE(low_rank::saves_bytes(low_rank::shape_of(1, 1000, 4)));
}

// Encodes one layer by itself.
struct Matrix {
  std::uint32_t n0, n1;
};

struct Message {
  Payload payload;
  Floats e;
  std::int64_t bad = -1;
};

Row matrix_row(const Input& input, Matrix m) {
  Row row = row_of(input);
  row.n0 = m.n0;
  row.n1 = m.n1;
  return row;
}

Message send(const Input& input, Matrix m, const Feedback& feedback = feedback::kClassic) {
  const auto codec = make_powersgd(false);
  Message result;
  Row row = matrix_row(input, m);
  if (feedback.keeps_residual()) result.e.assign(row.n, -77.0f);
  row.e_out = result.e.data();
  Payload body(codec->capacity(row.n, row.level));
  Mailbox out;
  out.emplace_back(std::vector<std::uint32_t>{row_tag(row)}, body.size());
  out[0].bind(body);
  codec->encode({&row, 1}, feedback, input.key, out, {.scratch = {}, .bad_row = &result.bad});
  const ConstBytes content = out[0].content();
  result.payload.assign(content.begin(), content.end());
  return result;
}

Floats receive(std::vector<Payload> payloads, const Input& own, Matrix m, float weight) {
  Mailbox in;
  for (Payload& payload : payloads) in.push_back(payload.empty() ? Frame() : frame_of(payload));
  Row row = matrix_row(own, m);
  row.frame = kEvery;
  Floats out(row.n, -99.0f);
  row.out = out.data();
  make_powersgd(false)->decode({&row, 1}, in, weight, feedback::kClassic, {});
  return out;
}

Input matrix_input(Matrix m, float rank) {
  const std::size_t n = std::size_t{m.n0} * m.n1;
  return {.grad = gradient(n, n), .e = gradient(n, n + 1), .level = rank};
}

constexpr Matrix kShapes[] = {{1, 1},   {1, 7},   {7, 1},    {3, 5},
                              {31, 37}, {64, 27}, {8, 4099}, {257, 129}};

TEST(PowerSgd, IsTheReferenceToTheBit) {
  on_every_target([] {
    for (const Matrix m : kShapes) {
      for (const float rank : {1.0f, 2.0f, 4.0f, 7.0f}) {
        const Input in = matrix_input(m, rank);
        const Floats v = fold_all(in, feedback::kClassic);
        reference::FoldedRow row = folded(in, v);
        row.n0 = m.n0;
        row.n1 = m.n1;
        const reference::Message wanted = reference::encode({.name = "powersgd"}, row);
        const Message got = send(in, m);
        EXPECT_EQ(got.payload, wanted.payload) << m.n0 << " " << m.n1 << " " << rank;
        EXPECT_TRUE(same_bits(receive({got.payload}, in, m, 1), wanted.decoded));
      }
    }
  });
}

TEST(PowerSgd, ResidualIsWhatWasNotSentToTheBit) {
  for (const Matrix m : kShapes) {
    for (const float rank : {1.0f, 2.0f, 4.0f, 7.0f}) {
      const Input in = matrix_input(m, rank);
      const Message message = send(in, m);
      EXPECT_EQ(message.bad, -1);
      const Floats v = fold_all(in, feedback::kClassic),
                   decoded = receive({message.payload}, in, m, 1);
      Floats e(v.size());
      double size = 0, left = 0;
      for (std::size_t i = 0; i < v.size(); ++i) {
        e[i] = v[i] - decoded[i];
        size += static_cast<double>(v[i]) * v[i];
        left += static_cast<double>(e[i]) * e[i];
      }
      ASSERT_TRUE(same_bits(message.e, e)) << m.n0 << " " << m.n1;
      // A projection: the residual is not larger than M, and zero at full rank.
      EXPECT_TRUE(left <= size * (1 + 1e-6)) << left << " of " << size;
      if (rank >= static_cast<float>(std::min(m.n0, m.n1))) {
        EXPECT_TRUE(left <= size * 1e-10) << left << " of " << size;
      }
      const std::size_t used = std::min({static_cast<std::uint32_t>(rank), m.n0, m.n1});
      EXPECT_EQ(message.payload.size(), 4 * used * (m.n0 + m.n1));
      EXPECT_LE(message.payload.size(), make_powersgd(false)->capacity(m.n0 * m.n1, rank));
      EXPECT_EQ(send(in, m).payload, message.payload);
    }
  }
}

TEST(PowerSgd, SumsInRankOrderAndFoldsItselfInExactly) {
  const Matrix m{31, 37};
  Input a = matrix_input(m, 2), b = a, own = a;
  a.key.rank = 0;
  b.key.rank = 2;
  const Message first = send(a, m), last = send(b, m);
  const Floats one = receive({first.payload}, a, m, 1), three = receive({last.payload}, b, m, 1);
  const Floats v = fold_all(own, feedback::kClassic);
  Floats wanted(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) wanted[i] = ((one[i] + v[i]) + three[i]) * 0.25f;
  EXPECT_TRUE(same_bits(receive({first.payload, {}, last.payload}, own, m, 0.25f), wanted));
}

TEST(PowerSgd, ZeroGivesZeroAndWhatIsNotFiniteIsReported) {
  const Matrix m{12, 40};
  Input in = matrix_input(m, 4);
  in.e.clear();
  std::fill(in.grad.begin(), in.grad.end(), 0.0f);
  const Message nothing = send(in, m);
  EXPECT_EQ(nothing.bad, -1);
  for (const float x : receive({nothing.payload}, in, m, 1)) ASSERT_EQ(x, 0.0f);
  for (const float bad : {kNan, std::numeric_limits<float>::infinity()}) {
    in.grad[77] = bad;
    const Message message = send(in, m);
    EXPECT_EQ(message.bad, 0);
    for (const std::byte b : message.payload) ASSERT_EQ(b, std::byte{0});
  }
}

TEST(PowerSgd, DamagedPayloadsAreRefusedOrDecoded) {
  const Matrix m{5, 9};
  const Input in = matrix_input(m, 2);
  const Payload good = send(in, m).payload;
  for (std::size_t length = 0; length <= good.size() + 4; ++length) {
    if (length == good.size()) continue;
    Payload bad = good;
    bad.resize(length);
    Mailbox box;
    box.push_back(frame_of(bad));
    Row row = matrix_row(in, m);
    Floats out(row.n);
    row.out = out.data();
    EXPECT_THROW(make_powersgd(false)->decode({&row, 1}, box, 1, feedback::kNone, {}),
                 DamagedMessage);
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    Payload bad = good;
    bad[i] ^= std::byte{0xff};
    EXPECT_EQ(receive({bad}, in, m, 1).size(), in.grad.size());
  }
}

TEST(PowerSgd, RefusesWhatCannotWork) {
  const auto codec = make_powersgd(false);
  for (const float rank : {0.0f, -1.0f, 1.5f, kNan, 1e9f})
    EXPECT_THROW(codec->check(rank, feedback::kClassic), JobError) << rank;
  EXPECT_THROW(codec->check(4, feedback::dgc(0.9f, false, true)), JobError);
  EXPECT_THROW(codec->check(4, {.ve = 1, .ev = 0.1f, .ee = 0.9f, .ed = -0.1f}), JobError);
  codec->check(4, feedback::kNone);
  codec->check(4, {.vg = 0.5f, .ve = 0.9f, .ev = 1, .ed = -1});
  const Input in = matrix_input({5, 9}, 2);
  EXPECT_THROW(send(in, {5, 8}), Error);
  EXPECT_THROW(send(in, {0, 0}), Error);
}

}  // namespace
}  // namespace terse::test
