// A reference implementation of every codec, in the plainest C++ that its definition allows:
// element by element, without the kernels, blocks and estimates of the fast one. Tests compare the
// fast codecs to its bytes on every instruction set, and can do so for other devices. Slow; no
// program that trains links it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "terse/compressors/codec.h"
#include "terse/compressors/wire/indices.h"

namespace terse::reference {

using Floats = std::vector<float>;
using Payload = std::vector<std::byte>;
using Indices = std::vector<std::uint32_t>;

// A row whose gradient and memory have been folded into v (feedback.h): finite values that the
// codec can hold. Options and level must be valid for the codec.
struct FoldedRow {
  std::span<const float> v;
  float level = 0;
  Key key = {};
  std::uint64_t layer = 0;
  std::uint32_t first = 0;       // index in the layer of v[0]
  std::uint32_t n0 = 0, n1 = 0;  // rows and columns, of a matrix
};

struct Message {
  Payload payload;
  Floats decoded;  // the values that a receiver decodes
};

// For terngrad, encodes a gradient without a shared scale.
Message encode(const CodecOptions& options, const FoldedRow& row);

// The indices of the elements that a sparse codec sends, in order.
Indices selected_indices(const CodecOptions& options, const FoldedRow& row);
// The indices of n elements in their smallest coding (indices.h), and in a given one.
Payload indices_of(std::uint32_t n, const Indices& indices);
Payload indices_of(Coding coding, std::uint32_t n, const Indices& indices);

}  // namespace terse::reference
