// Sparse codecs that select independently of the values, so that all ranks draw the same indices
// and an exchange need not send them (SharedIndicesExchange). k = max(1, floor(density * n)).
//
//   randomk    k of n elements, all subsets about equally likely (Stich et al., NeurIPS 2018)
//   randblock  k consecutive elements from a random one on, wrapping around at the end ("random
//              block" of Vogels et al., NeurIPS 2019)
//
// Every element is selected with probability k / n, so with values multiplied by n / k
// (options.unbiased), E ||decoded - v||^2 = (n / k - 1) ||v||^2.
#pragma once

#include <span>

#include "terse/compressors/codec.h"

namespace terse {

std::shared_ptr<const Codec> make_randomk(const CodecOptions& options);
std::shared_ptr<const Codec> make_randblock(const CodecOptions& options);

// Draws indices.size() <= n of n elements, in order, from (key.seed, key.step, key.phase, layer)
// and not from the rank; `bits` has (n + 31) / 32 words. They are the images of [0, k) under a
// bijection of [0, n): a Feistel network of six rounds over the next power of four, applied until
// the result is below n.
void draw_subset(std::uint32_t n, std::uint64_t layer, Key key, std::span<std::uint32_t> indices,
                 std::span<std::uint32_t> bits);
void draw_block(std::uint32_t n, std::uint64_t layer, Key key, std::span<std::uint32_t> indices);

}  // namespace terse
