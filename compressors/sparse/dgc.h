// The selection of Deep Gradient Compression: Lin, Han, Mao, Wang and Dally, ICLR 2018, section 3
// and appendix; sampling, bounds and truncation as in its authors' code. Its momentum correction
// and masking are feedback::dgc(), local clipping is Row::scale, warm-up is a matter of levels.
//
// Of n values at most n_sel = ceil(density * n) are sent. A threshold is estimated from every
// stride-th value from a random start on, and lowered by 0.8 at most ten times while it finds fewer
// than 0.8 n_sel; if it finds more than 1.3 n_sel, the exact n_sel largest are sent; otherwise
// those it finds, in order of index, until there are n_sel.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

// Options: sample_ratio, the share of the values that is sampled at least, in [0.01, 1]; values.
std::shared_ptr<const Codec> make_dgc(const CodecOptions& options);
std::shared_ptr<const Codec> make_dgc(double sample_ratio);

}  // namespace terse
