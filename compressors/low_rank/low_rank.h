// PowerSGD (Vogels, Karimireddy, Jaggi, NeurIPS 2019): a layer is a matrix M, of which one step of
// a power iteration keeps P Q^T. Here is its arithmetic over a table of layers; the exchange puts
// the sums over ranks between. All of it has a written order, so ranks that start from equal bytes
// end with equal bytes on any machine.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "terse/compressors/codec.h"

namespace terse {

namespace low_rank {

// Elements of a matrix and of the vectors that stand for it.
struct Shape {
  std::uint32_t n0 = 0, n1 = 0;  // rows, columns
  std::uint32_t rank = 0;        // at most min(n0, n1)

  std::size_t p() const { return std::size_t{n0} * rank; }
  std::size_t q() const { return std::size_t{n1} * rank; }
};

// `level` is the rank that the job asks for.
Shape shape_of(std::uint32_t n0, std::uint32_t n1, float level);
// Whether P and Q are less than half of the matrix, the rule of PyTorch's hook.
bool saves_bytes(const Shape& shape);

// A layer: its gradient (row.n0 x row.n1), and rank vectors of n0 and of n1, vector after vector.
struct Factors {
  Row row;
  Shape shape;
  float* p = nullptr;
  float* q = nullptr;
  bool sound = true;  // M is finite, in this step
};

enum class Side { p, q };  // P = M Q or Q = M^T P

// M = v, in place of the new residual (without one, M is the gradient), and the product of one side
// in the same pass. A layer with a NaN or an Inf is reported and not sound; its product is zero.
void fold_and_project(std::span<Factors> table, const Feedback& feedback, Side side,
                      const Exec& exec);
// The product of one side with M as it stands; zero where that is not sound.
void project(std::span<Factors> table, const Feedback& feedback, Side side, const Exec& exec);

// The other way to settle: M loses this rank's own P Q^T.
void subtract(std::span<const Factors> table, const Feedback& feedback, const Exec& exec);
// out = P Q^T. And, unless it was settled before, e' = M - out, in the same pass.
enum class Settle { now, settled };
void rebuild(std::span<const Factors> table, const Feedback& feedback, Settle settle,
             const Exec& exec);

// Gram-Schmidt (modified, twice) on `count` vectors. What the vectors before it leave nothing of is
// zero afterwards, and so is a vector that is not finite.
void orthonormalize(float* vectors, std::size_t length, std::size_t count);
// And a vector that is zero is drawn anew, near-normal, from (seed, step, layer, element) alone:
// the start of the iteration, and its way out of a gradient that was zero.
void reseed_zero_columns(float* vectors, std::size_t length, std::size_t count, const Key& shared,
                         std::uint64_t layer);

// Throws JobError with one sentence unless `level` is a rank and e' is v less what was sent.
void check(float level, const Feedback& feedback);

}  // namespace low_rank

// One layer by itself, without warm start: payload P, then Q. `alternating` is for its exchange.
std::shared_ptr<const Codec> make_powersgd(bool alternating);

}  // namespace terse
