// The casts: `none` sends fp32, `fp16` and `bf16` round to nearest even. Sums are made in fp32 by
// the decoder. A value that rounds past the largest finite number of the type makes its row bad.
// Levels mean nothing here.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

std::shared_ptr<const Codec> make_none();
std::shared_ptr<const Codec> make_fp16();
std::shared_ptr<const Codec> make_bf16();

}  // namespace terse
