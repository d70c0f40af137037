// Plan: how each layer's gradient is compressed and exchanged. Every rank computes the same one;
// its hash goes into every message.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "terse/compressors/codec.h"
#include "terse/compressors/feedback.h"

namespace terse {

// A codec with its feedback, shared by all layers that are assigned to it.
struct Scheme {
  std::string name;
  std::shared_ptr<const Codec> codec;
  CodecOptions options = {};  // of `codec`, for the hash
  Feedback feedback;
  bool owns_momentum = false;  // the optimizer keeps no momentum for these layers
  bool clips = false;          // local clipping scales the gradient before the feedback
  std::size_t group_bytes = 1 << 20;
};

struct LayerAssignment {
  std::uint16_t scheme = 0;
  float level = 0;
};

struct Plan {
  std::vector<Scheme> schemes;               // [0] is dense
  std::vector<LayerAssignment> assignments;  // one for each layer
  double clip_norm = 0;                      // already scaled by world^(-1/2)
  bool clip_global = false;

  std::uint32_t hash() const;
  bool operator==(const Plan& other) const { return hash() == other.hash(); }
};

// Whether no message can be sent before the last gradient is ready.
inline bool waits_for_all_layers(const Plan& plan) {
  return plan.clip_global && plan.clip_norm > 0;
}

}  // namespace terse
