// The arithmetic of low_rank.h and kernels/matrix.h in plain words. A matrix lies row by row, a set
// of vectors vector by vector.
#pragma once

#include "terse/compressors/reference/reference.h"

namespace terse::reference {

// Eight interleaved partial sums and a tree, in fp32: an element of M Q.
float product(std::span<const float> row, std::span<const float> vector);
// Element (i, j) of P Q^T, of so many vectors, each `p_length` and `q_length` from the next.
float spanned(const float* p, std::size_t p_length, const float* q, std::size_t q_length,
              std::size_t vectors, std::size_t i, std::size_t j);
// Gram-Schmidt, twice; what is no new direction becomes zero.
void orthonormalize(Floats& vectors, std::size_t length, std::size_t count);

}  // namespace terse::reference
