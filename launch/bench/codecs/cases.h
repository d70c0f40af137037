// The lines that `terse bench codecs` measures.
#pragma once

#include <span>
#include <string>

#include "terse/compressors/codec.h"

namespace terse {

// The minimum memory traffic of a pass, as streams over the gradient that are read or written once,
// in order. The benchmark moves the same streams without computing to find the limit.
struct Streams {
  int statistics_passes = 0;  // passes that read gradient and residual before the pass itself
  bool residual = false;      // read and written in place
  bool velocity = false;      // read and written in place
  bool sum = false;           // the gradient is written in place
  double out = 0, in = 0;     // bytes of payload per element that are written, or read
  double scatter = 0;         // instead of all these: the share of elements that are added to

  double bytes() const {
    if (scatter > 0) return 2 * kLine * scatter;
    return statistics_passes * (residual ? 8 : 4) + 4 + (residual ? 8 : 0) + (velocity ? 8 : 0) +
           (sum ? 4 : 0) + out + in;
  }
  static constexpr double kLine = 64;  // bytes moved for an element far from others
};

// encode: all tensors of the gradient into one frame. decode_add: gradient = weight * (gradient +
// a peer's message), as at the owner of a shard. scatter: gradient += weight * the entries of a
// sparse message, in place.
enum class Pass { encode, decode_add, scatter };

struct BenchCase {
  std::string title;
  Pass pass;
  CodecOptions codec;
  float level;
  Feedback feedback;
  Streams streams;
  double target;  // minimum share of the limit; 0: none
};

std::span<const BenchCase> bench_cases();

}  // namespace terse
