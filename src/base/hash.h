// The hash of names, parameters and files: XXH3 (64 bits), fast but not cryptographic.
#pragma once

#include <cstdint>
#include <string_view>

#include "terse/base/bytes.h"

namespace terse {

std::uint64_t hash64(ConstBytes bytes, std::uint64_t seed = 0);
std::uint64_t hash64(std::string_view text);

}  // namespace terse
