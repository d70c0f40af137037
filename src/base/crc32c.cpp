#include "terse/base/crc32c.h"

#include <array>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace terse {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78u;  // reflected

constexpr auto make_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t) {
    for (std::size_t i = 0; i < 256; ++i) {
      tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xFF];
    }
  }
  return tables;
}
constexpr auto kTables = make_tables();

#if defined(__x86_64__)
constexpr std::size_t kLane = 4096;  // bytes of one of four lanes

// Multiplies a 32x32 bit matrix over GF(2) (one word per column) by a vector.
constexpr std::uint32_t times(const std::array<std::uint32_t, 32>& matrix, std::uint32_t vector) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; vector != 0; vector >>= 1, ++i) {
    if (vector & 1) sum ^= matrix[i];
  }
  return sum;
}

// The effect of kLane zero bytes on a CRC, as four byte-indexed tables.
constexpr auto make_shift() {
  std::array<std::uint32_t, 32> matrix{};  // one zero bit
  matrix[0] = kPolynomial;
  for (std::size_t i = 1; i < 32; ++i) matrix[i] = 1u << (i - 1);
  for (std::size_t bits = 1; bits < kLane * 8; bits *= 2) {
    std::array<std::uint32_t, 32> square{};
    for (std::size_t i = 0; i < 32; ++i) square[i] = times(matrix, matrix[i]);
    matrix = square;
  }
  std::array<std::array<std::uint32_t, 256>, 4> shift{};
  for (std::size_t byte = 0; byte < 4; ++byte) {
    for (std::uint32_t i = 0; i < 256; ++i) shift[byte][i] = times(matrix, i << (8 * byte));
  }
  return shift;
}
constexpr auto kShift = make_shift();

std::uint32_t shift_lane(std::uint32_t crc) {
  return kShift[0][crc & 0xFF] ^ kShift[1][(crc >> 8) & 0xFF] ^ kShift[2][(crc >> 16) & 0xFF] ^
         kShift[3][crc >> 24];
}

// The instruction has a latency of three cycles and a throughput of one per cycle: four lanes keep
// it busy.
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(ConstBytes bytes, std::uint32_t seed) {
  const std::byte* p = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t crc = ~seed;
  for (; left >= 4 * kLane; left -= 4 * kLane, p += 4 * kLane) {
    std::uint64_t a = crc, b = 0, c = 0, d = 0;
    for (std::size_t i = 0; i < kLane; i += 8) {
      a = _mm_crc32_u64(a, load<std::uint64_t>(p + i));
      b = _mm_crc32_u64(b, load<std::uint64_t>(p + i + kLane));
      c = _mm_crc32_u64(c, load<std::uint64_t>(p + i + 2 * kLane));
      d = _mm_crc32_u64(d, load<std::uint64_t>(p + i + 3 * kLane));
    }
    std::uint32_t sum = shift_lane(static_cast<std::uint32_t>(a)) ^ static_cast<std::uint32_t>(b);
    sum = shift_lane(sum) ^ static_cast<std::uint32_t>(c);
    crc = shift_lane(sum) ^ static_cast<std::uint32_t>(d);
  }
  for (; left >= 8; left -= 8, p += 8) crc = _mm_crc32_u64(crc, load<std::uint64_t>(p));
  for (; left > 0; --left, ++p) {
    crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), static_cast<std::uint8_t>(*p));
  }
  return ~static_cast<std::uint32_t>(crc);
}
#endif

}  // namespace

std::uint32_t crc32c_portable(ConstBytes bytes, std::uint32_t seed) {
  const std::byte* p = bytes.data();
  std::size_t left = bytes.size();
  std::uint32_t crc = ~seed;
  for (; left >= 8; left -= 8, p += 8) {
    const std::uint64_t word = load<std::uint64_t>(p) ^ crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][(word >> (8 * i)) & 0xFF];
  }
  for (; left > 0; --left, ++p)
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<std::uint8_t>(*p)) & 0xFF];
  return ~crc;
}

std::uint32_t crc32c(ConstBytes bytes, std::uint32_t seed) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction) return crc32c_sse42(bytes, seed);
#endif
  return crc32c_portable(bytes, seed);
}

}  // namespace terse
