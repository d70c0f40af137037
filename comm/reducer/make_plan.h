// Makes a plan from the [compression] section of a job.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "terse/comm/plan/groups.h"
#include "terse/comm/plan/plan.h"
#include "terse/compressors/codec.h"

namespace terse {

// The keys of [compression] in a job.
struct CompressionOptions {
  CodecOptions codec;
  int bits = 8;                       // maxmin
  double density = 0.001;             // topk, dgc
  int rank = 4;                       // powersgd
  std::string feedback = "default";   // default, or a name of feedbacks()
  double beta = 0;                    // decay, lowpass, demo, sparseloco; 0: as published
  double gamma = 1;                   // decay
  std::uint32_t min_elements = 1024;  // layers with fewer, and vectors, are sent dense
  std::size_t group_bytes =
      0;  // bytes of gradient in a group; 0: 1 MB, or a sixth of the model for topk and dgc
  int warmup_epochs = 0;  // dgc: epochs over which the density falls
  std::vector<double>
      warmup_densities;  // dgc: explicit, one an epoch; empty: the rule of dgc_density()
  double momentum = 0;   // the optimizer's; dgc, signum, ef21_sgdm keep it inside the compressor
  bool nesterov = false;
  bool masking = true;       // dgc: momentum factor masking
  double clip_norm = 0;      // dgc: local clipping threshold for the global gradient; 0: off
  bool clip_global = false;  // norm over all layers (without overlap) instead of each tensor's own
};

// Density in `epoch` (from 0): max(final^((epoch + 1) / (warmup + 1)), final) while epoch < warmup,
// then `final`; or the explicit list, and then `final`. Lin et al. 2018, section 3.3, by the rule
// of the authors' code.
double dgc_density(double final_density, int warmup_epochs, std::span<const double> densities,
                   std::int64_t epoch);

// Throws JobError with one sentence if options contradict each other or are out of a codec's range.
Plan make_plan(std::span<const Layer> layers, const CompressionOptions& options, std::int64_t epoch,
               int world);

// Most bytes that a rank can send in a step, framing included; exactly what it sends if the codec
// has a fixed size.
std::size_t step_bytes(std::span<const Layer> layers, const Plan& plan, int rank, int world);

}  // namespace terse
