// The casts: `none` sends fp32, `fp16` and `bf16` round to nearest even. The decoder sums in fp32.
// A value that rounds past the largest finite number of the type makes its row bad. Casts have no
// level.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

std::shared_ptr<const Codec> make_none();
std::shared_ptr<const Codec> make_fp16();
std::shared_ptr<const Codec> make_bf16();

}  // namespace terse
