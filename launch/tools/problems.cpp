#include "terse/launch/tools/problems.h"

#include <array>
#include <cmath>

#include "terse/base/random.h"

namespace terse {
namespace {

std::vector<float> normals(std::size_t n, const char* purpose, std::uint64_t which, float scale) {
  const RandomStream stream(17, purpose, which);
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = scale * stream.normal(i);
  return values;
}

class Quadratic final : public Problem {
 public:
  explicit Quadratic(int world) : mirror_(normals(kSize, "mirror", 0, 1)), optimum_(kSize) {
    double squares = 0;
    for (const double w : mirror_) squares += w * w;
    for (float& w : mirror_) w /= static_cast<float>(std::sqrt(squares));
    const std::vector<float> common = normals(kSize, "optimum", 0, 1);
    for (int rank = 0; rank < world; ++rank) {
      std::vector<float> own =
          normals(kSize, "own optimum", static_cast<std::uint64_t>(rank), kApart);
      for (std::size_t i = 0; i < kSize; ++i) {
        own[i] += common[i];
        optimum_[i] += own[i] / static_cast<float>(world);
      }
      own_.push_back(std::move(own));
    }
  }

  std::vector<Part> parts() const override { return {{"quadratic.weight", kSize, 2}}; }
  std::vector<float> start() const override { return std::vector<float>(kSize, 0.0f); }
  void gradient(int rank, std::span<const float> x, std::span<float> grad) const override {
    apply(x, own_[static_cast<std::size_t>(rank)], grad);
  }
  double gap(std::span<const float> x) const override {
    std::vector<float> grad(kSize);
    apply(x, optimum_, grad);
    double sum = 0;
    for (std::size_t i = 0; i < kSize; ++i) sum += double{grad[i]} * (x[i] - optimum_[i]) / 2;
    return sum;
  }

 private:
  static constexpr std::size_t kSize = 64 * 64;
  static constexpr float kApart = 0.3f, kSteepest = 10;

  // y -= 2 w (w . y), a reflection.
  void reflect(std::span<float> y) const {
    double product = 0;
    for (std::size_t i = 0; i < kSize; ++i) product += double{mirror_[i]} * y[i];
    for (std::size_t i = 0; i < kSize; ++i) y[i] -= static_cast<float>(2 * product * mirror_[i]);
  }
  // grad = A (x - center), A = the reflection of a diagonal matrix.
  void apply(std::span<const float> x, std::span<const float> center, std::span<float> grad) const {
    for (std::size_t i = 0; i < kSize; ++i) grad[i] = x[i] - center[i];
    reflect(grad);
    for (std::size_t i = 0; i < kSize; ++i)
      grad[i] *= 1 + (kSteepest - 1) * static_cast<float>(i) / (kSize - 1);
    reflect(grad);
  }

  std::vector<float> mirror_, optimum_;
  std::vector<std::vector<float>> own_;
};

class Network final : public Problem {
 public:
  explicit Network(int world) : world_(world) {
    const std::vector<float> teacher = weights("teacher");
    for (int rank = 0; rank < world; ++rank) {
      inputs_.push_back(normals(kExamples * kIn, "inputs", static_cast<std::uint64_t>(rank), 1));
      std::vector<float> said;
      for (std::size_t s = 0; s < kExamples; ++s) {
        const Forward forward = run(teacher, &inputs_.back()[s * kIn]);
        said.insert(said.end(), forward.out.begin(), forward.out.end());
      }
      targets_.push_back(std::move(said));
    }
  }

  std::vector<Part> parts() const override {
    return {{"fc1.weight", kHidden * kIn, 2},
            {"fc1.bias", kHidden, 1},
            {"fc2.weight", kOut * kHidden, 2},
            {"fc2.bias", kOut, 1}};
  }
  std::vector<float> start() const override { return weights("student"); }

  void gradient(int rank, std::span<const float> x, std::span<float> grad) const override {
    std::fill(grad.begin(), grad.end(), 0.0f);
    const auto& inputs = inputs_[static_cast<std::size_t>(rank)];
    const auto& targets = targets_[static_cast<std::size_t>(rank)];
    for (std::size_t s = 0; s < kExamples; ++s)
      backward(x, &inputs[s * kIn], &targets[s * kOut], grad);
  }
  double gap(std::span<const float> x) const override {
    double sum = 0;
    for (std::size_t rank = 0; rank < inputs_.size(); ++rank) {
      for (std::size_t s = 0; s < kExamples; ++s) {
        const Forward forward = run(x, &inputs_[rank][s * kIn]);
        for (std::size_t o = 0; o < kOut; ++o)
          sum += std::pow(double{forward.out[o]} - targets_[rank][s * kOut + o], 2) / 2;
      }
    }
    return sum / (world_ * static_cast<double>(kExamples));
  }

 private:
  static constexpr std::size_t kIn = 16, kHidden = 32, kOut = 4, kExamples = 64;
  static constexpr std::size_t kBias1 = kHidden * kIn, kWeight2 = kBias1 + kHidden,
                               kBias2 = kWeight2 + kOut * kHidden, kSize = kBias2 + kOut;
  struct Forward {
    std::array<float, kHidden> hidden;
    std::array<float, kOut> out;
  };

  static std::vector<float> weights(const char* whose) {
    std::vector<float> x = normals(kSize, whose, 0, 1);
    for (std::size_t i = 0; i < kSize; ++i) x[i] *= i < kBias1 ? 0.25f : 0.18f;
    return x;
  }
  static Forward run(std::span<const float> x, const float* in) {
    Forward f;
    for (std::size_t h = 0; h < kHidden; ++h) {
      float sum = x[kBias1 + h];
      for (std::size_t i = 0; i < kIn; ++i) sum += x[h * kIn + i] * in[i];
      f.hidden[h] = std::tanh(sum);
    }
    for (std::size_t o = 0; o < kOut; ++o) {
      f.out[o] = x[kBias2 + o];
      for (std::size_t h = 0; h < kHidden; ++h)
        f.out[o] += x[kWeight2 + o * kHidden + h] * f.hidden[h];
    }
    return f;
  }
  // Adds one example's part of the mean gradient.
  static void backward(std::span<const float> x, const float* in, const float* target,
                       std::span<float> grad) {
    const Forward f = run(x, in);
    std::array<float, kHidden> back{};
    for (std::size_t o = 0; o < kOut; ++o) {
      const float error = (f.out[o] - target[o]) / kExamples;
      grad[kBias2 + o] += error;
      for (std::size_t h = 0; h < kHidden; ++h) {
        grad[kWeight2 + o * kHidden + h] += error * f.hidden[h];
        back[h] += error * x[kWeight2 + o * kHidden + h];
      }
    }
    for (std::size_t h = 0; h < kHidden; ++h) {
      const float slope = back[h] * (1 - f.hidden[h] * f.hidden[h]);
      grad[kBias1 + h] += slope;
      for (std::size_t i = 0; i < kIn; ++i) grad[h * kIn + i] += slope * in[i];
    }
  }

  int world_;
  std::vector<std::vector<float>> inputs_, targets_;
};

// Loss of rank i: (a_i . x)^2 + |x|^2 / 4.
class TopKTrap final : public Problem {
 public:
  std::vector<Part> parts() const override { return {{"trap.weight", 3, 2}}; }
  std::vector<float> start() const override { return {1, 1, 1}; }
  void gradient(int rank, std::span<const float> x, std::span<float> grad) const override {
    for (std::size_t i = 0; i < 3; ++i)
      grad[i] = 2 * product(rank, x) * direction(rank, i) + x[i] / 2;
  }
  double gap(std::span<const float> x) const override {
    double sum = 0;
    for (int rank = 0; rank < 3; ++rank) sum += std::pow(product(rank, x), 2) / 3;
    for (const double value : x) sum += value * value / 4;
    return sum;
  }

 private:
  static float direction(int rank, std::size_t i) {
    return static_cast<std::size_t>(rank) == i ? -3.0f : 2.0f;
  }
  static float product(int rank, std::span<const float> x) {
    return direction(rank, 0) * x[0] + direction(rank, 1) * x[1] + direction(rank, 2) * x[2];
  }
};

// Loss: |x0 + x1| / 2 + |x0 - x1|.
class SignTrap final : public Problem {
 public:
  std::vector<Part> parts() const override { return {{"trap.weight", 2, 2}}; }
  std::vector<float> start() const override { return {1, 1}; }
  void gradient(int, std::span<const float> x, std::span<float> grad) const override {
    const float along = x[0] + x[1] >= 0 ? 0.5f : -0.5f, across = x[0] - x[1] >= 0 ? 1.0f : -1.0f;
    grad[0] = along + across;
    grad[1] = along - across;
  }
  double gap(std::span<const float> x) const override {
    return std::abs(double{x[0]} + x[1]) / 2 + std::abs(double{x[0]} - x[1]);
  }
};

}  // namespace

std::unique_ptr<Problem> make_quadratic(int world) { return std::make_unique<Quadratic>(world); }
std::unique_ptr<Problem> make_network(int world) { return std::make_unique<Network>(world); }
std::unique_ptr<Problem> make_topk_trap() { return std::make_unique<TopKTrap>(); }
std::unique_ptr<Problem> make_sign_trap() { return std::make_unique<SignTrap>(); }

}  // namespace terse
