// Products of a matrix with a few vectors, and outer products of two sets of vectors. A matrix is
// stored row by row; a set of r vectors vector by vector, element i of vector k at k * length + i.
// Every sum has a written order, so every machine computes the same bits.
#pragma once

#include <cstddef>

namespace terse::kernels {

// Some rows of a matrix M (rows x columns) and their part of P (r vectors of `length` >= rows) and
// Q (r vectors of `columns`). The arrays do not overlap.
struct MatrixRows {
  std::size_t rows, columns, vectors;
  std::size_t p_length, q_length;  // from one vector of P, of Q, to the next
};

// P = M Q. Element j of a row belongs to partial sum j % 8; the eight are added as a tree.
void times_vectors(const MatrixRows& shape, const float* m, const float* q, float* p);

// Q += M^T P, row after row.
void add_transposed_times(const MatrixRows& shape, const float* m, const float* p, float* q);

// out = P Q^T, adding the vectors in order.
void outer_product(const MatrixRows& shape, const float* p, const float* q, float* out);
// The same, and m -= P Q^T; m may not be out.
void outer_product_and_subtract(const MatrixRows& shape, const float* p, const float* q, float* out,
                                float* m);
// m -= P Q^T.
void subtract_outer_product(const MatrixRows& shape, const float* p, const float* q, float* m);

// In double: 32 interleaved partial sums, then a tree over them.
double dot(const float* a, const float* b, std::size_t n);
// v *= factor, in double, rounded once.
void scale_in_double(double factor, float* v, std::size_t n);

}  // namespace terse::kernels
