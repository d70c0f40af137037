// Small problems in plain C++ whose gradients are split over ranks, to see what a codec with its
// error feedback comes to.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace terse {

// A parameter tensor of a problem; tensors stand one after another in x.
struct Part {
  std::string name;
  std::uint32_t size;
  int dimensions;
};

class Problem {
 public:
  virtual ~Problem() = default;
  virtual std::vector<Part> parts() const = 0;
  virtual std::vector<float> start() const = 0;
  // The gradient of rank `rank`'s own loss; the loss is the mean over ranks.
  virtual void gradient(int rank, std::span<const float> x, std::span<float> grad) const = 0;
  // How far above its lowest value the loss is, or a bound on that.
  virtual double gap(std::span<const float> x) const = 0;
};

// Strongly convex, 64 x 64 unknowns, eigenvalues from 1 to 10 in no axis' direction; each rank has
// its own optimum around the common one.
std::unique_ptr<Problem> make_quadratic(int world);
// A network of two layers that learns what another one says; each rank has its own examples.
std::unique_ptr<Problem> make_network(int world);
// Beznosikov, Horvath, Richtarik and Safaryan 2020, example 1: with three ranks and one entry of
// three sent, gradient descent without memory moves away from the optimum.
std::unique_ptr<Problem> make_topk_trap();
// Karimireddy et al. 2019, counter-example 2: the sign of the gradient never leaves one line.
std::unique_ptr<Problem> make_sign_trap();

}  // namespace terse
