// Plan: which layer travels how. Every rank computes the same one; its hash goes into every
// message.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "terse/compressors/codec.h"
#include "terse/compressors/feedback.h"

namespace terse {

// A way to travel, shared by all layers whose assignments name it.
struct Scheme {
  std::string name;
  std::shared_ptr<const Codec> codec;
  CodecOptions options = {};  // of `codec`, for the hash
  Feedback feedback;
  bool owns_momentum = false;  // the optimizer keeps none for these layers
  bool clips = false;          // local clipping scales the gradient before it is folded
  std::size_t group_bytes = 1 << 20;
};

struct LayerAssignment {
  std::uint16_t scheme = 0;
  float level = 0;
};

struct Plan {
  std::uint32_t epoch = 0;
  std::vector<Scheme> schemes;               // [0] is dense
  std::vector<LayerAssignment> assignments;  // one for each layer
  double clip_norm = 0;                      // already scaled by world^(-1/2)
  bool clip_global = false;

  std::uint32_t hash() const;
  bool operator==(const Plan& other) const { return hash() == other.hash(); }
};

// Whether the first message has to wait for the last gradient.
inline bool waits_for_all_layers(const Plan& plan) {
  return plan.clip_global && plan.clip_norm > 0;
}

}  // namespace terse
