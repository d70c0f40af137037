// Every codec once more, in the plainest C++ that its definition allows: element after element, by
// no kernel, block or guess of the fast ones. Those are held to its bytes on every instruction set,
// and other devices' kernels can be. Slow; nothing that trains links it.
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
// codec can hold. The options and the level are such as the codec takes.
struct Folded {
  std::span<const float> v;
  float level = 0;
  Key key = {};
  std::uint64_t layer = 0;
  std::uint32_t first = 0;       // index in the layer of v[0]
  std::uint32_t n0 = 0, n1 = 0;  // of a matrix
};

struct Message {
  Payload payload;
  Floats decoded;  // what a receiver takes each element for
};

// terngrad: of a gradient that shares no scale.
Message encode(const CodecOptions& options, const Folded& row);

// Which elements a sparse codec sends, in order.
Indices chosen(const CodecOptions& options, const Folded& row);
// The smallest coding of indices of n elements (indices.h), and a certain one.
Payload indices_of(std::uint32_t n, const Indices& indices);
Payload indices_of(Coding coding, std::uint32_t n, const Indices& indices);

}  // namespace terse::reference
