// The sign family: one bit an element. Payload: what the signs read as, then the bits
// (kernels/signs.h: a set bit is negative; zeros are positive).
//
//   signsgd, signum  [1 f32]: Bernstein et al., "signSGD", ICML 2018, and with majority vote, ICLR
//                    2019. Traits.votes: the sum of signs is sent as its sign, a tie as +1. signum
//                    is signsgd behind the velocity of its feedback.
//   ef_sign          [scale f32], the mean of |v|: Karimireddy et al., "Error feedback fixes
//                    SignSGD", ICML 2019.
//   onebit           [positive f32, negative f32], the means of the values from 0 up and of those
//                    below (0 where there are none): Seide et al., "1-bit SGD", Interspeech 2014,
//                    which has a pair for each column where this has one for each row.
//
// A mean is of the row: of a layer that is cut each piece has its own. It is the sum over blocks of
// 2048, each in fp32 by 32 interleaved partial sums and a tree, the blocks in double in order;
// divided in double, rounded once. Two passes over the row; levels mean nothing here.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

std::shared_ptr<const Codec> make_signsgd();
std::shared_ptr<const Codec> make_signum();
std::shared_ptr<const Codec> make_ef_sign();
std::shared_ptr<const Codec> make_onebit();

}  // namespace terse
