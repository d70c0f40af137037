// Products of a matrix with few vectors, and the matrix that two sets of vectors span. A matrix
// lies row by row; a set of r vectors lies vector by vector, element i of vector k at
// k * length + i. Every sum has a written order, so every machine gets the same bits.
#pragma once

#include <cstddef>

namespace terse::kernels {

// Some rows of a matrix M (rows x columns) and their part of P (r vectors of `length` >= rows) and
// Q (r vectors of `columns`). Nothing overlaps.
struct MatrixRows {
  std::size_t rows, columns, vectors;
  std::size_t p_length, q_length;  // from one vector of P, of Q, to the next
};

// P = M Q. Element j of a row belongs to partial sum j % 8; the eight are added as a tree.
void times_vectors(const MatrixRows& shape, const float* m, const float* q, float* p);

// Q += M^T P, row after row.
void add_transposed_times(const MatrixRows& shape, const float* m, const float* p, float* q);

// P Q^T, vector after vector, into `out`.
void outer_product(const MatrixRows& shape, const float* p, const float* q, float* out);
// And what is left of M, in place; m may not be out.
void outer_product_and_subtract(const MatrixRows& shape, const float* p, const float* q, float* out,
                                float* m);
// That alone: m -= P Q^T.
void subtract_outer_product(const MatrixRows& shape, const float* p, const float* q, float* m);

// In double: 32 interleaved partial sums, then a tree over them.
double dot(const float* a, const float* b, std::size_t n);
// v *= factor, in double, rounded once.
void scale_in_double(double factor, float* v, std::size_t n);

}  // namespace terse::kernels
