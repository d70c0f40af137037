// Sparse codecs that send the largest values. With feedback::kClassic the first is the top-k of
// Stich et al., NeurIPS 2018 (Aji and Heafield, EMNLP 2017).
//
//   topk          the k = max(1, floor(density * n)) largest of a row, the lower index first among
//                 equals
//   topk_sampled  those that reach a threshold estimated from samples as in DGC (dgc.h), but no
//                 more than the k largest
//   topk_chunk    the max(1, floor(density * elements)) largest of each piece of 4,096 elements and
//                 of the rest (DeMo, Peng et al. 2024; SparseLoCo, Sarfi et al. 2025)
//   threshold     those above an absolute threshold (Sahu et al., NeurIPS 2021), but no more than
//                 the k largest
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

std::shared_ptr<const Codec> make_topk(const CodecOptions& options = {});
// The same selection under another name, published with another exchange.
std::shared_ptr<const Codec> make_topk(const CodecOptions& options, std::string name,
                                       Pattern pattern);
std::shared_ptr<const Codec> make_topk_sampled(const CodecOptions& options);
std::shared_ptr<const Codec> make_topk_chunk(const CodecOptions& options);
std::shared_ptr<const Codec> make_threshold(const CodecOptions& options);

}  // namespace terse
