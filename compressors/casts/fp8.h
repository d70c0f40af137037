// 8-bit floats with an exponent for each block of consecutive elements, after Micikevicius et al.,
// "FP8 formats for deep learning", 2022, and the Open Compute Project's microscaling (MX) formats:
// `fp8` has 4 bits of exponent and 3 of significand (e4m3, largest 448), `fp8_e5m2` 5 and 2
// (largest 57344). The exponent of a block is the smallest k >= -126 for which max |v| / 2^k does
// not exceed the largest number; v / 2^k is exact and rounds to nearest even, subnormals included.
// Every byte decodes to a finite number: the formats' codes for infinity and NaN are never sent,
// and decode as one more exponent. A value that rounds to 2^128 makes its row bad. These codecs
// have no level.
//
// Payload: a byte k + 127 for each block, the last of which may be short; then a byte per element.
// A row may be cut every lcm(block, 8) elements.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

// 32 <= block <= 128.
std::shared_ptr<const Codec> make_fp8_e4m3(std::uint32_t block);
std::shared_ptr<const Codec> make_fp8_e5m2(std::uint32_t block);

}  // namespace terse
