// TernGrad: Wen et al., NeurIPS 2017. v is clipped at `clip` standard deviations of the row (0: not
// at all), the scale is the largest |v| that is left, and s sign(v) is sent with probability |v| /
// scale, else 0: unbiased but for what is clipped. Traits.shares_scale: where a row has a shared
// scale (the ranks' largest), codes count in it, and the sum of N ranks' codes is sent exactly as a
// whole number of it, in the least number of bits for [-N, N].
//
// The row's level says what is encoded: 0, a gradient; N > 0, whole numbers in [-N, N], as decoding
// rows with a shared scale gives them. Payload: [scale f32], then codes of k as 2k or, below 0, -2k
// - 1, packed at ceil(log2(2 max(N, 1) + 1)) bits, or at 16 where that is above 8.
//
// Mean and standard deviation as sums in double in order of the values' blocks of 2048, each by 32
// interleaved partial sums and a tree.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

// clip 0, or from 1 to 100.
std::shared_ptr<const Codec> make_terngrad(double clip);

}  // namespace terse
