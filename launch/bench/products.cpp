#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/nn/module.h>

#include "terse/launch/bench/bench.h"

namespace terse {

MatrixProducts torch_products() {
  return
      [](std::size_t rows, std::size_t columns, std::size_t vectors, float* m, float* p, float* q) {
        at::set_num_threads(1);
        const auto n0 = static_cast<std::int64_t>(rows), n1 = static_cast<std::int64_t>(columns),
                   r = static_cast<std::int64_t>(vectors);
        at::Tensor matrix = at::from_blob(m, {n0, n1}, at::kFloat);
        at::Tensor left = at::from_blob(p, {n0, r}, at::kFloat),
                   right = at::from_blob(q, {n1, r}, at::kFloat);
        at::mm_out(left, matrix, right);
        at::mm_out(right, matrix.t(), left);
        at::mm_out(matrix, left, right.t());
      };
}

}  // namespace terse
