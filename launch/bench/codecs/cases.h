// What `terse bench codecs` measures: a line each.
#pragma once

#include <span>
#include <string>

#include "terse/compressors/codec.h"

namespace terse {

// The least memory traffic of a pass, in streams over the gradient: each is read or written once,
// in order. The benchmark moves the same streams without computing to find the limit.
struct Streams {
  int statistics_passes = 0;  // times that gradient and residual are read before the pass itself
  bool residual = false;      // read and written in place
  bool velocity = false;      // read and written in place
  bool sum = false;           // the gradient is written in place
  double out = 0, in = 0;     // bytes of payload an element that are written, or read
  double scatter = 0;         // instead of all that: the share of the elements that are added to

  double bytes() const {
    if (scatter > 0) return 2 * kLine * scatter;
    return statistics_passes * (residual ? 8 : 4) + 4 + (residual ? 8 : 0) + (velocity ? 8 : 0) +
           (sum ? 4 : 0) + out + in;
  }
  static constexpr double kLine = 64;  // bytes that an element far from others moves
};

// encode: all tensors of the gradient into one frame. decode_add: gradient = weight * (gradient +
// what a peer sent), as the owner of a shard does. scatter: gradient += weight * a sparse message's
// entries, in place.
enum class Pass { encode, decode_add, scatter };

struct BenchCase {
  std::string title;
  Pass pass;
  CodecOptions codec;
  float level;
  Feedback feedback;
  Streams streams;
  double target;  // least share of the limit; 0: none is set
};

std::span<const BenchCase> bench_cases();

}  // namespace terse
