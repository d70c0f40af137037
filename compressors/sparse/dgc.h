// The selection of Deep Gradient Compression: Lin, Han, Mao, Wang and Dally, ICLR 2018, section 3
// and appendix; sampling, bounds and truncation as in its authors' code. Its momentum correction
// and masking are feedback::dgc(), local clipping is Row::scale, and warm-up changes levels.
//
// At most n_sel = ceil(density * n) of n values are sent. The threshold is estimated from every
// stride-th value, starting at a random one, and multiplied by 0.8 at most ten times while fewer
// than 0.8 n_sel values reach it. If more than 1.3 n_sel reach it, the exact n_sel largest are
// sent; otherwise the first n_sel that reach it, in order of index.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

// Options: sample_ratio, the minimum share of the values that is sampled, in [0.01, 1]; values.
std::shared_ptr<const Codec> make_dgc(const CodecOptions& options);
std::shared_ptr<const Codec> make_dgc(double sample_ratio);

}  // namespace terse
