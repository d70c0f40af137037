// CRC32C (Castagnoli), the checksum of every message. Uses the CPU's instruction if it has one, on
// several interleaved lanes, and tables otherwise; both compute the same value.
#pragma once

#include <cstdint>

#include "terse/base/bytes.h"

namespace terse {

// `seed` is the CRC of the preceding bytes: crc32c(ab) == crc32c(b, crc32c(a)).
std::uint32_t crc32c(ConstBytes bytes, std::uint32_t seed = 0);

// Always uses the tables: the reference for tests.
std::uint32_t crc32c_portable(ConstBytes bytes, std::uint32_t seed = 0);

}  // namespace terse
