#include "terse/compressors/kernels/uniform.h"

#include "terse/base/random.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace terse::kernels {
namespace {

void quads_portable(std::uint64_t stream, std::uint64_t layer, std::uint32_t quad,
                    std::size_t quads, float* out) {
  for (std::size_t q = 0; q < quads; ++q) {
    const Philox4 draw = philox(stream, quad + static_cast<std::uint32_t>(q), layer);
    for (std::size_t j = 0; j < 4; ++j) out[4 * q + j] = unit_float(draw[j]);
  }
}

#if defined(__x86_64__)
#define TERSE_AVX2 __attribute__((target("avx2")))

// The four words of four counters, each in the low half of a 64-bit lane. What the high halves hold
// is never looked at: the multiplication reads low halves alone.
struct Quartet {
  __m256i a, b, x, y;
};

TERSE_AVX2 inline Quartet start(std::uint64_t layer, std::uint32_t counter) {
  const __m256i counters = _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(counter)),
                                            _mm256_setr_epi32(0, 0, 1, 0, 2, 0, 3, 0));
  return {counters, _mm256_setzero_si256(),
          _mm256_set1_epi32(static_cast<int>(static_cast<std::uint32_t>(layer))),
          _mm256_set1_epi32(static_cast<int>(layer >> 32))};
}

TERSE_AVX2 inline Quartet round(const Quartet& q, __m256i k0, __m256i k1) {
  const __m256i p0 = _mm256_mul_epu32(q.a, _mm256_set1_epi64x(0xD2511F53));
  const __m256i p1 = _mm256_mul_epu32(q.x, _mm256_set1_epi64x(0xCD9E8D57));
  const __m256i a = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p1, 32), q.b), k0);
  const __m256i x = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p0, 32), q.y), k1);
  return {a, p1, x, p0};
}

TERSE_AVX2 inline void store_unit(float* out, __m256i bits) {
  const __m256 value = _mm256_cvtepi32_ps(_mm256_srli_epi32(bits, 8));
  _mm256_storeu_ps(out, _mm256_mul_ps(value, _mm256_set1_ps(0x1.0p-24f)));
}

TERSE_AVX2 inline void finish(const Quartet& q, float* out) {
  const __m256i ab = _mm256_blend_epi32(q.a, _mm256_slli_epi64(q.b, 32), 0xaa);
  const __m256i xy = _mm256_blend_epi32(q.x, _mm256_slli_epi64(q.y, 32), 0xaa);
  const __m256i even = _mm256_unpacklo_epi64(ab, xy), odd = _mm256_unpackhi_epi64(ab, xy);
  store_unit(out, _mm256_permute2x128_si256(even, odd, 0x20));
  store_unit(out + 8, _mm256_permute2x128_si256(even, odd, 0x31));
}

// Two quartets at a time hide the latency of the multiplications. Returns how many quads it made.
TERSE_AVX2 std::size_t quads_avx2(std::uint64_t stream, std::uint64_t layer, std::uint32_t quad,
                                  std::size_t quads, float* out) {
  std::size_t q = 0;
  for (; q + 8 <= quads; q += 8) {
    const std::uint32_t counter = quad + static_cast<std::uint32_t>(q);
    Quartet one = start(layer, counter), two = start(layer, counter + 4);
    __m256i k0 = _mm256_set1_epi32(static_cast<int>(static_cast<std::uint32_t>(stream)));
    __m256i k1 = _mm256_set1_epi32(static_cast<int>(stream >> 32));
    for (int i = 0; i < 10; ++i) {
      one = round(one, k0, k1);
      two = round(two, k0, k1);
      k0 = _mm256_add_epi32(k0, _mm256_set1_epi32(static_cast<int>(0x9E3779B9u)));
      k1 = _mm256_add_epi32(k1, _mm256_set1_epi32(static_cast<int>(0xBB67AE85u)));
    }
    finish(one, out + 4 * q);
    finish(two, out + 4 * q + 16);
  }
  return q;
}
#endif

}  // namespace

void uniform_quads(std::uint64_t stream, std::uint64_t layer, std::uint32_t quad, std::size_t quads,
                   float* out) {
  std::size_t done = 0;
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  if (has_avx2) done = quads_avx2(stream, layer, quad, quads, out);
#endif
  quads_portable(stream, layer, quad + static_cast<std::uint32_t>(done), quads - done,
                 out + 4 * done);
}

}  // namespace terse::kernels
