#include "terse/compressors/reference/low_rank.h"

#include <algorithm>
#include <cmath>

#include "terse/compressors/reference/bits.h"
#include "terse/compressors/reference/reference_codecs.h"

namespace terse::reference {
namespace {

std::span<float> vector_of(Floats& vectors, std::size_t length, std::size_t k) {
  return std::span(vectors).subspan(k * length, length);
}

void normalize(std::span<float> v) {
  const double squared = dot(v, v);
  const bool direction = squared > 0 && std::isfinite(squared);
  for (float& x : v) x = direction ? static_cast<float>(1 / std::sqrt(squared) * x) : 0.0f;
}

void subtract_projections(Floats& vectors, std::size_t length, std::size_t k) {
  const std::span<float> v = vector_of(vectors, length, k);
  for (std::size_t j = 0; j < k; ++j) {
    const std::span<float> unit = vector_of(vectors, length, j);
    const auto along = static_cast<float>(-dot(v, unit));
    for (std::size_t i = 0; i < length; ++i) v[i] += along * unit[i];
  }
}

// Vectors drawn from (key, layer, element): the sum of a number's four bytes minus its mean.
Floats drawn(const FoldedRow& row, std::size_t count) {
  Floats vectors(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t bits = philox(row.key.stream(), i / 4, row.layer)[i % 4];
    int sum = -510;
    for (unsigned byte = 0; byte < 4; ++byte) sum += static_cast<int>(bits >> 8 * byte & 255);
    vectors[i] = static_cast<float>(sum);
  }
  return vectors;
}

}  // namespace

float product(std::span<const float> row, std::span<const float> vector) {
  float sums[8] = {};
  for (std::size_t j = 0; j < round_up(row.size(), 8); ++j)
    sums[j % 8] += j < row.size() ? row[j] * vector[j] : 0.0f;
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

float outer_product_element(VectorSet p, VectorSet q, std::size_t count, std::size_t i,
                            std::size_t j) {
  float sum = p.at(0, i) * q.at(0, j);
  for (std::size_t k = 1; k < count; ++k) sum += p.at(k, i) * q.at(k, j);
  return sum;
}

void orthonormalize(Floats& vectors, std::size_t length, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    const std::span<float> v = vector_of(vectors, length, k);
    normalize(v);
    subtract_projections(vectors, length, k);
    if (!(dot(v, v) > 1e-6 * 1e-6)) std::ranges::fill(v, 0.0f);
    normalize(v);
    subtract_projections(vectors, length, k);
    normalize(v);
  }
}

Message powersgd(const CodecOptions&, const FoldedRow& row) {
  const std::size_t n0 = row.n0, n1 = row.n1,
                    r = std::min({static_cast<std::size_t>(row.level), n0, n1});
  Floats q = drawn(row, r * n1), p(r * n0);
  orthonormalize(q, n1, r);
  for (std::size_t k = 0; k < r; ++k) {
    for (std::size_t i = 0; i < n0; ++i)
      p[k * n0 + i] = product(row.v.subspan(i * n1, n1), vector_of(q, n1, k));
  }
  orthonormalize(p, n0, r);
  std::ranges::fill(q, 0.0f);
  for (std::size_t i = 0; i < n0; ++i) {
    for (std::size_t k = 0; k < r; ++k) {
      for (std::size_t j = 0; j < n1; ++j) q[k * n1 + j] += row.v[i * n1 + j] * p[k * n0 + i];
    }
  }
  Message message;
  for (const float x : p) append(message.payload, x);
  for (const float x : q) append(message.payload, x);
  for (std::size_t at = 0; at < n0 * n1; ++at)
    message.decoded.push_back(
        outer_product_element({p.data(), n0}, {q.data(), n1}, r, at / n1, at % n1));
  return message;
}

}  // namespace terse::reference
