// Sparse codecs whose choice does not look at the values, so that all ranks make the same one and
// an exchange need not send it (SharedIndicesExchange). k = max(1, floor(density * n)).
//
//   randomk    k of n elements, all subsets about as likely (Stich et al., NeurIPS 2018)
//   randblock  k elements in a row from a random one on, past the last the first again ("random
//              block" of Vogels et al., NeurIPS 2019)
//
// Every element is chosen with probability k / n, so with values times n / k (options.unbiased)
// E ||decoded - v||^2 = (n / k - 1) ||v||^2.
#pragma once

#include <span>

#include "terse/compressors/codec.h"

namespace terse {

std::shared_ptr<const Codec> make_randomk(const CodecOptions& options);
std::shared_ptr<const Codec> make_randblock(const CodecOptions& options);

// indices.size() <= n of n elements, in order, drawn for (key.seed, key.step, key.phase, layer)
// whatever the rank; `bits` has (n + 31) / 32 words. A bijection of [0, n) (a Feistel network of
// six rounds over the next power of four, walked until it is inside) maps [0, k) to them.
void draw_subset(std::uint32_t n, std::uint64_t layer, Key key, std::span<std::uint32_t> indices,
                 std::span<std::uint32_t> bits);
void draw_block(std::uint32_t n, std::uint64_t layer, Key key, std::span<std::uint32_t> indices);

}  // namespace terse
