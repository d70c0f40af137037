#include "terse/trainers/job_parts.h"

namespace terse {

CommunicatorOptions communicator_options(const Job& job) {
  CommunicatorOptions options;
  options.link.bytes_per_second = job.link.bandwidth.value_or(0);
  options.link.latency = job.link.latency;
  options.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(job.world.timeout);
  return options;
}

Compression compression_of(const Job& job) {
  const CompressionJob& words = job.compression;
  Compression compression;
  compression.codec = {.name = words.codec,
                       .bucket = static_cast<std::uint32_t>(words.bucket),
                       .stochastic = words.rounding == "stochastic",
                       .max_norm = words.max_norm,
                       .block = static_cast<std::uint32_t>(words.block),
                       .clip = words.clip,
                       .sample_ratio = words.sample_ratio,
                       .alternating = words.alternating,
                       .threshold = words.threshold,
                       .unbiased = words.unbiased,
                       .values = words.values};
  compression.bits = static_cast<int>(words.bits);
  compression.density = words.density;
  compression.rank = static_cast<int>(words.rank);
  compression.feedback = words.feedback;
  compression.beta = words.beta.value_or(0);
  compression.gamma = words.gamma;
  compression.min_elements = static_cast<std::uint32_t>(words.min_elements);
  compression.group_bytes = static_cast<std::size_t>(words.group_bytes.value_or(0));
  compression.warmup_epochs = static_cast<int>(words.warmup_epochs);
  compression.warmup_densities = words.warmup_densities;
  compression.momentum = job.optimizer.momentum;
  compression.nesterov = job.optimizer.nesterov;
  compression.masking = words.masking;
  compression.clip_norm = words.clip_norm;
  compression.clip_global = words.clip_scope == "global";
  return compression;
}

ModelOptions model_options(const Job& job, const Dataset& data) {
  return {.name = job.model.name,
          .channels = data.train.shape.channels,
          .height = data.train.shape.height,
          .width = data.train.shape.width,
          .classes = data.classes,
          .hidden = job.model.hidden};
}

LoaderOptions loader_options(const Job& job, int rank, int world) {
  return {.batch = job.train.batch,
          .accumulate = job.train.accumulate,
          .rank = rank,
          .world = world,
          .seed = static_cast<std::uint64_t>(job.train.seed),
          .augment = job.data.augment == "crop_flip" ? Augment::crop_flip : Augment::none,
          .normalize = job.data.normalize,
          .prefetch = static_cast<std::size_t>(job.data.prefetch)};
}

}  // namespace terse
