#include "terse/compressors/kernels/cpu/sum.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/cpu/sum.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/base/bytes.h"
#include "terse/compressors/kernels/cpu/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

void add(const float* values, float* acc, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) acc[i] += values[i];
}

void add_bytes(const std::byte* values, float* acc, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) acc[i] += load<float>(values + i * sizeof(float));
}

void scale(const float* values, float factor, float* out, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) out[i] = factor * values[i];
}

void add_scaled(const float* values, float factor, float* acc, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) acc[i] += factor * values[i];
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {

HWY_EXPORT(add);
HWY_EXPORT(add_bytes);
HWY_EXPORT(scale);
HWY_EXPORT(add_scaled);

void add(const float* values, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add)(values, acc, n);
}
void add_bytes(const std::byte* values, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_bytes)(values, acc, n);
}
void scale(const float* values, float factor, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(scale)(values, factor, out, n);
}
void add_scaled(const float* values, float factor, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_scaled)(values, factor, acc, n);
}

}  // namespace terse::kernels
#endif
