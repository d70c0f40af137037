// The arithmetic of low_rank.h and kernels/cpu/matrix.h in plain code. A matrix is stored row by
// row, a set of vectors vector by vector.
#pragma once

#include "terse/compressors/reference/reference.h"

namespace terse::reference {

// An element of M Q, by eight interleaved partial sums and a tree, in fp32.
float product(std::span<const float> row, std::span<const float> vector);
// A set of vectors, each `length` floats from the next.
struct VectorSet {
  const float* data;
  std::size_t length;

  float at(std::size_t k, std::size_t i) const { return data[k * length + i]; }
};
// Element (i, j) of P Q^T for sets of `count` vectors.
float outer_product_element(VectorSet p, VectorSet q, std::size_t count, std::size_t i,
                            std::size_t j);
// Gram-Schmidt, twice; a vector that depends on its predecessors becomes zero.
void orthonormalize(Floats& vectors, std::size_t length, std::size_t count);

}  // namespace terse::reference
