// Stochastic quantizers of a sign and a level; unbiased. Levels (bits an element) are whole numbers
// from 2 to 8, the sign among them.
//
//   qsgd    Alistarh et al., NeurIPS 2017. Per bucket of consecutive elements the 2-norm, or the
//           largest |v| (max_norm); s = 2^(bits - 1) - 1 even levels up to it: floor(s |v| / norm +
//           r), r uniform in [0, 1). Variance at most min(n / s^2, sqrt(n) / s) norm^2.
//   nuqsgd  Ramezani-Kebrya et al., JMLR 2021. The same with the levels 0, 2^-s, ..., 1/2, 1 of the
//           2-norm, s = 2^(bits - 1) - 2.
//
// A norm is made in double (norm.h), rounded once. Where norm / s or, for nuqsgd, the norm is below
// 1e-30, a bucket is sent as zeros; a row whose norm leaves the range of fp32 is bad.
//
// Payload: [norm f32] for each bucket, the last one perhaps short; then the codes of the whole row,
// 8 in `bits` bytes, little-endian, the sign in a code's highest bit. Cut like maxmin.
//
//   natural Horvath et al. 2019 (MSML 2022). |v| to one of the powers of two around it, one byte an
//           element: sign << 7 | exponent field - 18; code 0 is 0, so that |v| < 2^-109 is sent as
//           0, and a row with |v| > 2^18 is bad. Variance at most v^2 / 8 above 2^-108. Payload:
//           the codes. No level.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

// 1 <= bucket <= 65536.
std::shared_ptr<const Codec> make_qsgd(std::uint32_t bucket, bool max_norm);
std::shared_ptr<const Codec> make_nuqsgd(std::uint32_t bucket);
std::shared_ptr<const Codec> make_natural();

}  // namespace terse
