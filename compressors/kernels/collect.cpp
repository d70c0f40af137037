#include "terse/compressors/kernels/collect.h"

#include <bit>

#include "terse/compressors/kernels/select.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace terse::kernels {
namespace {

constexpr std::size_t kLanes = 32;
constexpr float kNothing = -0.0f;  // a term that is left out changes no sum

void take(const float* v, std::uint32_t base, std::uint32_t mask, Collected& into) {
  for (; mask != 0; mask &= mask - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(mask));
    if (into.found < into.room) {
      into.index[into.found] = base + i;
      into.value[into.found] = v[i];
    }
    ++into.found;
  }
}

std::uint32_t mask_of(const float* v, std::size_t n, std::uint32_t threshold) {
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < n; ++i) mask |= (magnitude(v[i]) >= threshold ? 1u : 0u) << i;
  return mask;
}

#if defined(__x86_64__)
#define TERSE_AVX2 __attribute__((target("avx2")))

TERSE_AVX2 inline __m256i above(const float* from, __m256i below) {
  const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm256_cmpgt_epi32(_mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)), below);
}

TERSE_AVX2 std::size_t collect_avx2(std::span<const float> v, std::uint32_t base,
                                    std::uint32_t threshold, Collected& into) {
  const __m256i below = _mm256_set1_epi32(static_cast<int>(threshold) - 1);
  std::size_t i = 0;
  for (; i + kLanes <= v.size(); i += kLanes) {
    const __m256i a = above(&v[i], below), b = above(&v[i + 8], below),
                  c = above(&v[i + 16], below), d = above(&v[i + 24], below);
    // Four lanes of 32 bits become one of bytes, whose order the two halves of a register mix.
    const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    if (_mm256_testz_si256(bytes, bytes)) continue;
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i sorted = _mm256_permutevar8x32_epi32(bytes, order);
    take(&v[i], base + static_cast<std::uint32_t>(i),
         static_cast<std::uint32_t>(_mm256_movemask_epi8(sorted)), into);
  }
  return i;
}
#endif

}  // namespace

void collect(std::span<const float> v, std::uint32_t base, std::uint32_t threshold,
             Collected& into) {
  std::size_t i = 0;
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  if (has_avx2 && threshold <= kLargestMagnitude) i = collect_avx2(v, base, threshold, into);
#endif
  for (; i < v.size(); i += kLanes) {
    const std::size_t n = std::min(kLanes, v.size() - i);
    take(&v[i], base + static_cast<std::uint32_t>(i), mask_of(&v[i], n, threshold), into);
  }
}

void sample_magnitudes(const Row& row, const Feedback& f, std::size_t start, std::size_t stride,
                       std::span<std::uint32_t> into) {
  const float scale = row.scale == nullptr ? 1.0f : *row.scale;
  const bool has_u = f.keeps_velocity();
  std::size_t i = start;
  for (std::uint32_t& magnitude_at : into) {
    const float g = scale * row.grad[i];
    const float u_in = row.u_in == nullptr ? 0.0f : row.u_in[i];
    const float e_in = row.e_in == nullptr ? 0.0f : row.e_in[i];
    const float u = (f.uu != 0 ? f.uu * u_in : kNothing) + (f.ug != 0 ? f.ug * g : kNothing);
    const float v =
        ((has_u && f.vu != 0 ? f.vu * u : kNothing) + (f.vg != 0 ? f.vg * g : kNothing)) +
        (f.ve != 0 ? f.ve * e_in : kNothing);
    magnitude_at = magnitude(v);
    i += stride;
  }
}

}  // namespace terse::kernels
