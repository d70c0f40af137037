// Plan: which layer travels how. A pure function of the layers, the job's words and the epoch, so
// every rank computes the same one; its hash goes into every message.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "terse/comm/layer.h"
#include "terse/compressors/codec.h"
#include "terse/compressors/feedback.h"

namespace terse {

// A job's words on compression (the keys of [compression]).
struct Compression {
  CodecOptions codec;
  int bits = 8;                       // maxmin
  double density = 0.001;             // topk, dgc
  int rank = 4;                       // powersgd
  std::string feedback = "default";   // default, or a name of feedbacks()
  double beta = 0;                    // decay, lowpass, demo, sparseloco; 0: as published
  double gamma = 1;                   // decay
  std::uint32_t min_elements = 1024;  // layers under this travel dense, and so do vectors
  std::size_t group_bytes =
      0;  // bytes of gradient in a group; 0: 1 MB, or a sixth of the model for topk and dgc
  int warmup_epochs = 0;  // dgc: epochs over which the density falls
  std::vector<double>
      warmup_densities;  // dgc: explicit, one an epoch; empty: the rule of dgc_density()
  double momentum = 0;   // the optimizer's; dgc, signum, ef21_sgdm keep it inside the compressor
  bool nesterov = false;
  bool masking = true;   // dgc: momentum factor masking
  double clip_norm = 0;  // dgc: local clipping threshold for the global gradient; 0: off
  bool clip_global =
      false;  // norm over all layers (which ends overlap) instead of each tensor's own
};

// Density in `epoch` (from 0): max(final^((epoch + 1) / (warmup + 1)), final) while epoch < warmup,
// then `final`; or the explicit list, and then `final`. Lin et al. 2018, section 3.3, by the rule
// of the authors' code.
double dgc_density(double final_density, int warmup_epochs, std::span<const double> densities,
                   std::int64_t epoch);

// A way to travel, shared by all layers whose cells name it.
struct Family {
  std::string name;
  std::shared_ptr<const Codec> codec;
  CodecOptions options = {};  // of `codec`, for the hash
  Feedback feedback;
  bool owns_momentum = false;  // the optimizer keeps none for these layers
  bool clips = false;          // local clipping scales the gradient before it is folded
  std::size_t group_bytes = 1 << 20;
};

struct Cell {
  std::uint16_t family = 0;
  float level = 0;
};

struct Plan {
  std::uint32_t epoch = 0;
  std::vector<Family> families;  // [0] is dense
  std::vector<Cell> cells;       // one for each layer
  double clip_norm = 0;          // already scaled by world^(-1/2)
  bool clip_global = false;

  std::uint32_t hash() const;
  bool operator==(const Plan& other) const { return hash() == other.hash(); }
};

// Throws JobError with one sentence where the words contradict each other or a codec's range.
Plan make_plan(std::span<const Layer> layers, const Compression& words, std::int64_t epoch,
               int world);

// Whether the first message has to wait for the last gradient.
inline bool waits_for_all_layers(const Plan& plan) {
  return plan.clip_global && plan.clip_norm > 0;
}

// A run of one layer.
struct Piece {
  std::uint32_t layer = 0;
  std::uint32_t first = 0;
  std::uint32_t n = 0;
};

struct GroupSpec {
  std::uint16_t family = 0;
  std::vector<Piece> pieces;
};

// Layers of one family in ready order, collected up to the family's group_bytes; a layer above that
// is cut where its codec allows.
std::vector<GroupSpec> make_groups(std::span<const Layer> layers, const Plan& plan);

// How long a group takes, in whole microseconds so that every machine computes the same order from
// it.
struct Timing {
  std::int64_t ready_us = 0;  // from the step's start until its gradients are there
  std::int64_t round_us = 0;  // one round
  int rounds = 0;
};

struct Turn {
  std::uint16_t group = 0;
  std::uint16_t workspace =
      0;  // which of the `depth` workspaces the group uses from its first turn to its last
};

// The order of turns, the same on every rank: a turn moves one group on by one round (rounds + 1
// turns each). At most `depth` groups are open at a time.
std::vector<Turn> make_order(std::span<const Timing> timings, int depth);

// Most bytes that a rank can send in a step, framing included; what it does send where the codec
// has a fixed size.
std::size_t step_bytes(std::span<const Layer> layers, const Plan& plan, int rank, int world);

}  // namespace terse
