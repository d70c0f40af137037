#include "terse/base/hash.h"

#include <xxhash.h>

namespace terse {

std::uint64_t hash64(ConstBytes bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t hash64(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

}  // namespace terse
