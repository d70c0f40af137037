// Bucketed max-min quantization: Markov, Ramezani-Kebrya and Alistarh, "CGX", Middleware 2022. The
// level is the number of bits, 1 to 8. For each bucket of consecutive elements, unit = (max - min)
// / (2^bits - 1) and code = min(floor((v - min) / unit + r), 2^bits - 1), decoded as min + unit *
// code. The quotient is computed as a product with 1 / unit in fp32; r is uniform in [0, 1) in
// steps of 2^-16 (stochastic) or 0.5 (nearest). A bucket with unit < 1e-10 has codes 0. A row whose
// min + unit * code leaves the range of fp32 is bad.
//
// Payload: [unit f32, min f32] for each bucket, the last of which may be short; then the codes of
// the whole row, 8 in `bits` bytes, little-endian, without padding. A row may be cut where both a
// bucket and a byte of codes end for any number of bits: every lcm(bucket, 8) elements. The pieces
// then have the same scales and codes as the whole.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

// 1 <= bucket <= 65536.
std::shared_ptr<const Codec> make_maxmin(std::uint32_t bucket, bool stochastic);

}  // namespace terse
