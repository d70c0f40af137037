// Unbiased stochastic quantizers that send a sign and a level. Row levels (bits per element,
// including the sign) are whole numbers from 2 to 8.
//
//   qsgd    Alistarh et al., NeurIPS 2017. The scale of a bucket of consecutive elements is its
//           2-norm, or its largest |v| (max_norm); v takes one of s = 2^(bits - 1) - 1 uniform
//           levels: floor(s |v| / norm + r), r uniform in [0, 1). Variance at most min(n / s^2,
//           sqrt(n) / s) norm^2.
//   nuqsgd  Ramezani-Kebrya et al., JMLR 2021. The same with the levels 0, 2^-s, ..., 1/2, 1 of the
//           2-norm, s = 2^(bits - 1) - 2.
//
// Norms are computed in double (norm.h) and rounded once. A bucket is sent as zeros if norm / s or,
// for nuqsgd, the norm is below 1e-30; a row whose norm leaves the range of fp32 is bad.
//
// Payload: [norm f32] for each bucket, the last of which may be short; then the codes of the whole
// row, 8 in `bits` bytes, little-endian, the sign in a code's highest bit. Rows are cut as for
// maxmin.
//
//   natural Horvath et al. 2019 (MSML 2022). Rounds |v| to one of the two nearest powers of two,
//           one byte per element: sign << 7 | exponent field - 18. Code 0 is 0, so |v| < 2^-109 is
//           sent as 0, and a row with |v| > 2^18 is bad. Variance at most v^2 / 8 above 2^-108.
//           Payload: the codes. It has no level.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

// 1 <= bucket <= 65536.
std::shared_ptr<const Codec> make_qsgd(std::uint32_t bucket, bool max_norm);
std::shared_ptr<const Codec> make_nuqsgd(std::uint32_t bucket);
std::shared_ptr<const Codec> make_natural();

}  // namespace terse
