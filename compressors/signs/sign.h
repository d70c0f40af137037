// The sign family: one bit per element. Payload: the levels that signs decode to, then the bits
// (kernels/cpu/quantize/signs.h: a set bit is negative; zeros are positive).
//
//   signsgd, signum  [1 f32]: Bernstein et al., "signSGD", ICML 2018, and with majority vote, ICLR
//                    2019. Traits.majority_vote: the sum of signs is sent as its sign, a tie as
//                    +1. signum is signsgd applied to the velocity of its feedback.
//   ef_sign          [scale f32], the mean of |v|: Karimireddy et al., "Error feedback fixes
//                    SignSGD", ICML 2019.
//   onebit           [positive f32, negative f32], the means of the values >= 0 and of those below
//                    (0 if there are none): Seide et al., "1-bit SGD", Interspeech 2014, which has
//                    a pair for each column where this has one for each row.
//
// A mean is taken over a row: each piece of a cut layer has its own. Blocks of 2048 values are
// summed in fp32 by 32 interleaved partial sums and a tree, and the blocks in double in order; the
// quotient is computed in double and rounded once. That takes two passes over the row. These codecs
// have no level.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

std::shared_ptr<const Codec> make_signsgd();
std::shared_ptr<const Codec> make_signum();
std::shared_ptr<const Codec> make_ef_sign();
std::shared_ptr<const Codec> make_onebit();

}  // namespace terse
