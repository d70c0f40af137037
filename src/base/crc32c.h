// CRC32C (Castagnoli), the checksum of every message. By the CPU's instruction where there is one,
// over several interleaved lanes; by tables elsewhere. Both give the same number.
#pragma once

#include <cstdint>

#include "terse/base/bytes.h"

namespace terse {

// `seed` is the CRC of what came before: crc32c(ab) == crc32c(b, crc32c(a)).
std::uint32_t crc32c(ConstBytes bytes, std::uint32_t seed = 0);

// The table form, always: the reference that the other is tested against.
std::uint32_t crc32c_portable(ConstBytes bytes, std::uint32_t seed = 0);

}  // namespace terse
