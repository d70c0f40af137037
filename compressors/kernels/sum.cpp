#include "terse/compressors/kernels/sum.h"

#include "terse/base/bytes.h"
#include "terse/compressors/kernels/dispatch.h"

namespace terse::kernels {

TERSE_KERNEL void add(const float* values, float* acc, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) acc[i] += values[i];
}

TERSE_KERNEL void add_bytes(const std::byte* values, float* acc, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) acc[i] += load<float>(values + i * sizeof(float));
}

TERSE_KERNEL void scale(const float* values, float factor, float* out, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) out[i] = factor * values[i];
}

TERSE_KERNEL void add_scaled(const float* values, float factor, float* acc, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) acc[i] += factor * values[i];
}

}  // namespace terse::kernels
