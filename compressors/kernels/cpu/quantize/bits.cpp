#include "terse/compressors/kernels/cpu/quantize/bits.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "terse/compressors/kernels/cpu/dispatch.h"

namespace terse::kernels {
namespace {

constexpr std::uint64_t kNone = ~std::uint64_t{0};

std::uint64_t load_until(const std::byte* from, const std::byte* end) {
  std::uint64_t word = 0;
  if (from < end) std::memcpy(&word, from, std::min<std::size_t>(8, end - from));
  return word;
}

// The field that begins at `bit`. A field of at most 32 bits lies within eight bytes; kWhole: they
// all lie before `end`.
template <bool kWhole>
TERSE_INLINE std::uint64_t field(const std::byte* from, const std::byte* end, std::size_t bit,
                                 std::uint64_t mask) {
  const std::byte* const at = from + bit / 8;
  return ((kWhole ? load<std::uint64_t>(at) : load_until(at, end)) >> (bit % 8)) & mask;
}

template <bool kWhole>
TERSE_INLINE std::uint64_t sum_body(const std::byte* from, const std::byte* end, unsigned width,
                                    std::uint32_t count) {
  const std::uint64_t mask = (1ull << width) - 1;
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < count; ++i)
    sum += field<kWhole>(from, end, std::size_t{i} * width, mask);
  return sum;
}

template <bool kWhole>
TERSE_INLINE void gaps_body(const PackedGaps gaps, std::uint32_t* into) {
  const std::uint64_t mask = (1ull << gaps.width) - 1;
  std::uint32_t index = gaps.first;
  for (std::uint32_t i = 0; i < gaps.count; ++i) {
    index += 1 + static_cast<std::uint32_t>(
                     field<kWhole>(gaps.from, gaps.end, std::size_t{i} * gaps.width, mask));
    into[i] = index;
  }
}

// If the j-th one of the unary bits is bit p, the high parts of the first j + 1 gaps sum to p - j.
// So an index follows from the position of its one and the sum of the low fields.
template <bool kWhole>
TERSE_INLINE void rice_body(RiceGaps gaps, std::uint32_t* into) {
  const std::uint64_t mask = (1ull << gaps.shift) - 1;
  std::uint64_t sum = std::uint64_t{gaps.first} + 1;
  std::uint32_t j = 0;
  std::size_t bit = 0;
  for (std::uint64_t base = 0; gaps.high < gaps.end; base += 64, gaps.high += 8) {
    std::uint64_t word = load_until(gaps.high, gaps.end);
    const auto ones = static_cast<std::uint32_t>(std::popcount(word));
    for (const std::uint32_t until = j + std::min(ones, gaps.count - j); j < until; ++j) {
      const auto place = static_cast<std::uint64_t>(std::countr_zero(word));
      word &= word - 1;
      sum += field<kWhole>(gaps.low, gaps.limit, bit, mask);
      bit += gaps.shift;
      into[j] = static_cast<std::uint32_t>(sum + j + ((base + place - j) << gaps.shift));
    }
  }
}

// Whether every field can be read by eight bytes.
bool is_whole(const std::byte* from, const std::byte* end, std::size_t bits) {
  return static_cast<std::size_t>(end - from) >= bytes_for(bits) + 8;
}

std::uint64_t sum_of_fields(const std::byte* from, const std::byte* end, unsigned width,
                            std::uint32_t count) {
  return is_whole(from, end, std::size_t{count} * width) ? sum_body<true>(from, end, width, count)
                                                         : sum_body<false>(from, end, width, count);
}

// The position of the last of `count` ones, if the unary bits end in the byte that holds it.
std::uint64_t last_one(const std::byte* high, const std::byte* end, std::uint32_t count) {
  std::uint32_t ones = 0;
  for (std::uint64_t base = 0; high < end && base <= 0xffffffffu; base += 64, high += 8) {
    const std::uint64_t word = load_until(high, end);
    ones += static_cast<std::uint32_t>(std::popcount(word));
    if (ones < count) continue;
    const auto width = static_cast<std::size_t>(std::bit_width(word));
    const bool ends = static_cast<std::size_t>(end - high) == bytes_for(width);
    return ones == count && ends ? base + width - 1 : kNone;
  }
  return kNone;
}

}  // namespace

void write_fields(std::span<const std::uint32_t> values, unsigned width, std::byte* to) {
  std::uint64_t pending = 0;
  unsigned bits = 0;
  for (const std::uint32_t value : values) {
    pending |= (value & ((1ull << width) - 1)) << bits;
    bits += width;
    if (bits < 32) continue;
    store(to, static_cast<std::uint32_t>(pending));
    to += 4;
    pending >>= 32;
    bits -= 32;
  }
  std::memcpy(to, &pending, bytes_for(bits));
}

std::uint64_t last_index_of_gaps(const PackedGaps& gaps) {
  return std::uint64_t{gaps.first} + gaps.count +
         sum_of_fields(gaps.from, gaps.end, gaps.width, gaps.count);
}

void read_gaps(const PackedGaps& gaps, std::uint32_t* into) {
  if (is_whole(gaps.from, gaps.end, std::size_t{gaps.count} * gaps.width)) {
    gaps_body<true>(gaps, into);
  } else {
    gaps_body<false>(gaps, into);
  }
}

void write_unary(std::span<const std::uint32_t> values, std::byte* to) {
  std::size_t bit = 0;
  for (const std::uint32_t value : values) {
    bit += value;
    to[bit / 8] |= static_cast<std::byte>(1u << bit % 8);
    ++bit;
  }
}

std::uint64_t last_index_of_rice(const RiceGaps& gaps) {
  if (gaps.count == 0) return gaps.high == gaps.end ? gaps.first : kNone;
  const std::uint64_t place = last_one(gaps.high, gaps.end, gaps.count);
  if (place == kNone) return kNone;
  return std::uint64_t{gaps.first} + gaps.count +
         sum_of_fields(gaps.low, gaps.limit, gaps.shift, gaps.count) +
         ((place - (gaps.count - 1)) << gaps.shift);
}

void read_rice(const RiceGaps& gaps, std::uint32_t* into) {
  if (is_whole(gaps.low, gaps.limit, std::size_t{gaps.count} * gaps.shift)) {
    rice_body<true>(gaps, into);
  } else {
    rice_body<false>(gaps, into);
  }
}

}  // namespace terse::kernels
