// PowerSGD (Vogels, Karimireddy, Jaggi, NeurIPS 2019): one step of a power iteration approximates a
// layer's matrix M by P Q^T. These are its local steps over a table of layers; between them, the
// exchange sums P and Q over ranks. All arithmetic has a written order, so ranks that start from
// equal bytes end with equal bytes on any machine.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "terse/compressors/codec.h"

namespace terse {

namespace low_rank {

// The sizes of a matrix and of its factors.
struct Shape {
  std::uint32_t n0 = 0, n1 = 0;  // rows, columns
  std::uint32_t rank = 0;        // at most min(n0, n1)

  std::size_t p() const { return std::size_t{n0} * rank; }
  std::size_t q() const { return std::size_t{n1} * rank; }
};

// `level` is the rank that the job requests.
Shape shape_of(std::uint32_t n0, std::uint32_t n1, float level);
// Whether P and Q together are less than half of the matrix, the rule of PyTorch's hook.
bool saves_bytes(const Shape& shape);

// A layer: its gradient (row.n0 x row.n1), and P and Q, `rank` vectors of n0 and n1 elements,
// vector after vector. Owns none of the memory.
struct Factors {
  Row row;
  Shape shape;
  float* p = nullptr;
  float* q = nullptr;
  bool finite = true;  // whether M is finite in this step
};

// Which product is computed: P = M Q or Q = M^T P.
enum class Side { p, q };

// Computes M = v in the memory of the new residual (without a residual, M is the gradient) and one
// product, in one pass. A layer with a NaN or an Inf is reported, not `finite`, and has a product
// of zeros.
void fold_and_project(std::span<Factors> table, const Feedback& feedback, Side side,
                      const Exec& exec);
// Computes one product with the current M; zeros if M is not finite.
void project(std::span<Factors> table, const Feedback& feedback, Side side, const Exec& exec);

// Updates the residual by this rank's own factors: M -= P Q^T.
void subtract(std::span<const Factors> table, const Feedback& feedback, const Exec& exec);
// out = P Q^T and, unless the residual is already updated, e' = M - out in the same pass.
enum class ResidualUpdate { now, done };
void rebuild(std::span<const Factors> table, const Feedback& feedback, ResidualUpdate residual,
             const Exec& exec);

// Modified Gram-Schmidt, twice, on `count` vectors. A vector that depends on its predecessors or is
// not finite becomes zero.
void orthonormalize(float* vectors, std::size_t length, std::size_t count);
// The same, and draws vectors that are zero anew, near-normal, from (seed, step, layer, element)
// alone: this starts the iteration, and restarts it after a gradient of zeros.
void reseed_zero_columns(float* vectors, std::size_t length, std::size_t count, const Key& shared,
                         std::uint64_t layer);

// Throws JobError with one sentence unless `level` is a rank and the residual is v - dec.
void check(float level, const Feedback& feedback);

}  // namespace low_rank

// Encodes one layer by itself, without warm start; payload: P, then Q. `alternating` selects the
// exchange.
std::shared_ptr<const Codec> make_powersgd(bool alternating);

}  // namespace terse
