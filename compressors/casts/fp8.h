// 8-bit floats with an exponent for each block of consecutive elements, after Micikevicius et al.,
// "FP8 formats for deep learning", 2022, and the Open Compute Project's microscaling (MX) formats:
// `fp8` has 4 bits of exponent and 3 of significand (e4m3, largest 448), `fp8_e5m2` 5 and 2
// (largest 57344). The exponent of a block is the least k for which max |v| / 2^k is not above the
// largest number, at least -126; v / 2^k is exact and rounds to nearest even, subnormals included.
// Every byte reads as a finite number: what the formats call infinite or NaN is never sent, and
// reads as if their exponents went on. A value that rounds to 2^128 makes its row bad. Levels mean
// nothing here.
//
// Payload: a byte k + 127 for each block, the last one perhaps short; then a byte an element. A row
// may be cut every lcm(block, 8) elements.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

// 32 <= block <= 128.
std::shared_ptr<const Codec> make_fp8_e4m3(std::uint32_t block);
std::shared_ptr<const Codec> make_fp8_e5m2(std::uint32_t block);

}  // namespace terse
