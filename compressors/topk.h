// Exact top-k by magnitude (Aji and Heafield, EMNLP 2017; with feedback::kClassic Stich et al.,
// NeurIPS 2018): the k = max(1, floor(density * n)) largest of a row, the lower index first among
// equals.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

std::shared_ptr<const Codec> make_topk();

}  // namespace terse
