// TernGrad: Wen et al., NeurIPS 2017. v is clipped at `clip` standard deviations of the row (0: not
// at all), the scale is the largest remaining |v|, and scale * sign(v) is sent with probability |v|
// / scale, else 0: unbiased except for clipping. Traits.shares_scale: if a row has a shared scale
// (the largest of all ranks'), codes are multiples of it, and the sum of N ranks' codes is sent
// exactly as a multiple of it, in the fewest bits for [-N, N].
//
// The row's level selects what is encoded: 0, a gradient; N > 0, whole numbers in [-N, N], which is
// what rows with a shared scale decode to. Payload: [scale f32], then k coded as 2k, or as -2k - 1
// if k < 0, packed at ceil(log2(2 max(N, 1) + 1)) bits, or at 16 if that is above 8.
//
// Mean and standard deviation come from sums in double over blocks of 2048 values in order; each
// block is summed by 32 interleaved partial sums and a tree.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

// clip 0, or from 1 to 100.
std::shared_ptr<const Codec> make_terngrad(double clip);

}  // namespace terse
