// Small optimization problems in plain C++ with one loss per rank, to test whether a codec with its
// error feedback converges.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace terse {

// A parameter tensor of a problem; x holds them one after another.
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
  // The gradient of the loss of `rank`; the problem's loss is the mean over ranks.
  virtual void gradient(int rank, std::span<const float> x, std::span<float> grad) const = 0;
  // Loss minus minimum loss, or an upper bound of it.
  virtual double gap(std::span<const float> x) const = 0;
};

// Strongly convex, 64 x 64 unknowns, eigenvalues from 1 to 10, eigenvectors off the axes; each rank
// has its own optimum around the common one.
std::unique_ptr<Problem> make_quadratic(int world);
// A network of two layers that learns the outputs of another one; each rank has its own examples.
std::unique_ptr<Problem> make_network(int world);
// Beznosikov, Horvath, Richtarik and Safaryan 2020, example 1: with three ranks and one entry of
// three sent, gradient descent without error feedback moves away from the optimum.
std::unique_ptr<Problem> make_topk_trap();
// Karimireddy et al. 2019, counter-example 2: the sign of the gradient never leaves one line.
std::unique_ptr<Problem> make_sign_trap();

}  // namespace terse
