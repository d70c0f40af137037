// CompressorState: the memory of compressors between steps (residuals, velocities), by parameter
// name. Its only owner; rows point into it. One per rank; used by one thread at a time (the
// communication thread in a step, the training thread between).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "terse/base/float_buffer.h"
#include "terse/comm/plan/layer.h"

namespace terse {

// The memory of one layer. A step reads it at now() and writes it at next(). If steps may be
// skipped the two differ and a committed step swaps them; otherwise they are the same memory.
class Slot {
 public:
  Slot(std::size_t size, bool paired);
  float* now() const { return buffers_[current_].values().data(); }
  float* next() const { return buffers_[paired() ? 1 - current_ : current_].values().data(); }
  std::span<float> values() const { return buffers_[current_].values(); }
  bool paired() const { return buffers_.size() == 2; }
  void swap() {
    if (paired()) current_ = 1 - current_;
  }

 private:
  std::vector<FloatBuffer> buffers_;
  std::size_t current_ = 0;
};

// Names of slots. A residual is the unsent part of the sum of v, in the scheme's unit; estimates
// and their mean (the base) belong to EF21.
inline constexpr std::string_view kResidual = "residual", kVelocity = "velocity",
                                  kEstimate = "estimate", kBase = "base";

class CompressorState {
 public:
  // `paired`: steps may be skipped, which then leaves the state as it was.
  explicit CompressorState(bool paired) : paired_(paired) {}

  // The slot `what` of a layer; created on first use, with zeros.
  Slot& slot(const Layer& layer, std::string_view what);
  // The same with a size of its own; replaced by zeros if it had another size.
  Slot& slot(const Layer& layer, std::string_view what, std::size_t size);
  Slot* find(const Layer& layer, std::string_view what);  // null if there is none
  void forget(const Layer& layer, std::string_view what);
  void commit();  // swaps all slots: the next step reads what this one wrote

  // Every slot in order of its name ("residual/fc1.weight"): for checkpoints, hashes and resume.
  void visit(const std::function<void(const std::string& name, std::span<float> values)>& visitor);
  std::size_t bytes() const;

 private:
  bool paired_;
  std::map<std::string, Slot> slots_;
};

}  // namespace terse
