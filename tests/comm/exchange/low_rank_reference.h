// A model of matrices, and PowerSGD in double over all ranks at once: what the exchange is compared
// with.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "comm/reducer/reducer_bodies.h"
#include "terse/compressors/low_rank/low_rank.h"

namespace terse::test {

using Doubles = std::vector<double>;

inline constexpr std::uint64_t kSeed = 5;

// Matrices flat, tall, square and odd, and a vector between them.
inline Model make_matrices() {
  const struct {
    const char* name;
    std::uint32_t n0, n1;
  } shapes[] = {{"flat", 24, 310}, {"vector", 1, 50}, {"tall", 401, 33}, {"odd", 61, 67}};
  Model model;
  std::vector<std::size_t> offsets;
  std::size_t total = 0;
  for (const auto& shape : shapes) {
    const bool vector = shape.n0 == 1;
    model.layers.push_back({.name = shape.name,
                            .grad = nullptr,
                            .size = shape.n0 * shape.n1,
                            .dimensions = vector ? 1 : 2,
                            .rows = vector ? 0 : shape.n0});
    offsets.push_back(total);
    total += round_up(shape.n0 * shape.n1, 16);
  }
  model.arena = FloatBuffer(total);
  for (std::size_t i = 0; i < offsets.size(); ++i)
    model.layers[i].grad = model.arena.values().data() + offsets[i];
  return model;
}

inline constexpr std::size_t kMatrices[] = {0, 2, 3};

// One layer, all ranks at once, by the definition.
class Reference {
 public:
  Reference(const Layer& layer, std::size_t index, int rank, int world, bool alternating)
      : index_(index),
        n0_(layer.rows),
        n1_(layer.size / layer.rows),
        r_(low_rank::shape_of(layer.rows, layer.size / layer.rows, static_cast<float>(rank)).rank),
        alternating_(alternating),
        e_(static_cast<std::size_t>(world), Doubles(layer.size, 0.0)) {
    q_ = drawn(layer, n1_, 0);
    p_ = Doubles(r_ * n0_, 0.0);
  }

  Doubles step(int number) {
    const bool even = number % 2 == 0;
    for (std::size_t rank = 0; rank < e_.size(); ++rank) {
      for (std::size_t i = 0; i < e_[rank].size(); ++i)
        e_[rank][i] += static_cast<double>(gradient(static_cast<int>(rank), number, index_, i));
    }
    Doubles mean;
    if (!alternating_) {
      orthonormalize(q_, n1_);
      p_ = mean_of([&](const Doubles& m) { return times(m, q_); });
      orthonormalize(p_, n0_);
      q_ = mean_of([&](const Doubles& m) { return transposed_times(m, p_); });
      mean = span(p_, q_);
      for (Doubles& m : e_) take_off(m, mean);
    } else if (even) {
      orthonormalize(q_, n1_);
      p_ = mean_of([&](const Doubles& m) { return times(m, q_); });
      for (Doubles& m : e_) take_off(m, span(times(m, q_), q_));
      mean = span(p_, q_);
    } else {
      orthonormalize(p_, n0_);
      q_ = mean_of([&](const Doubles& m) { return transposed_times(m, p_); });
      for (Doubles& m : e_) take_off(m, span(p_, transposed_times(m, p_)));
      mean = span(p_, q_);
    }
    return mean;
  }

  const Doubles& residual(int rank) const { return e_[static_cast<std::size_t>(rank)]; }

 private:
  // The start is the program's own; that it is a fair one is tested with the arithmetic.
  Doubles drawn(const Layer& layer, std::size_t length, std::uint64_t number) const {
    std::vector<float> v(r_ * length, 0.0f);
    low_rank::reseed_zero_columns(v.data(), length, r_,
                                  {.seed = kSeed, .step = number, .rank = kShared}, layer.key());
    return {v.begin(), v.end()};
  }

  void orthonormalize(Doubles& v, std::size_t length) const {
    for (std::size_t k = 0; k < r_; ++k) {
      for (std::size_t j = 0; j < k; ++j) {
        double d = 0;
        for (std::size_t i = 0; i < length; ++i) d += v[k * length + i] * v[j * length + i];
        for (std::size_t i = 0; i < length; ++i) v[k * length + i] -= d * v[j * length + i];
      }
      double size = 0;
      for (std::size_t i = 0; i < length; ++i) size += v[k * length + i] * v[k * length + i];
      for (std::size_t i = 0; i < length; ++i) v[k * length + i] /= std::sqrt(size);
    }
  }

  template <class Product>
  Doubles mean_of(Product&& product) const {
    Doubles sum;
    for (const Doubles& m : e_) {
      const Doubles one = product(m);
      sum.resize(one.size(), 0.0);
      for (std::size_t i = 0; i < one.size(); ++i)
        sum[i] += one[i] / static_cast<double>(e_.size());
    }
    return sum;
  }

  Doubles times(const Doubles& m, const Doubles& q) const {
    Doubles p(r_ * n0_, 0.0);
    for_all([&](std::size_t k, std::size_t i, std::size_t j) {
      p[k * n0_ + i] += m[i * n1_ + j] * q[k * n1_ + j];
    });
    return p;
  }
  Doubles transposed_times(const Doubles& m, const Doubles& p) const {
    Doubles q(r_ * n1_, 0.0);
    for_all([&](std::size_t k, std::size_t i, std::size_t j) {
      q[k * n1_ + j] += m[i * n1_ + j] * p[k * n0_ + i];
    });
    return q;
  }
  Doubles span(const Doubles& p, const Doubles& q) const {
    Doubles m(n0_ * n1_, 0.0);
    for_all([&](std::size_t k, std::size_t i, std::size_t j) {
      m[i * n1_ + j] += p[k * n0_ + i] * q[k * n1_ + j];
    });
    return m;
  }
  static void take_off(Doubles& m, const Doubles& part) {
    for (std::size_t i = 0; i < m.size(); ++i) m[i] -= part[i];
  }
  template <class Body>
  void for_all(Body&& body) const {
    for (std::size_t k = 0; k < r_; ++k) {
      for (std::size_t i = 0; i < n0_; ++i) {
        for (std::size_t j = 0; j < n1_; ++j) body(k, i, j);
      }
    }
  }

  std::size_t index_, n0_, n1_, r_;
  bool alternating_;
  std::vector<Doubles> e_;
  Doubles p_, q_;
};

}  // namespace terse::test
