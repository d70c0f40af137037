#include "terse/trainers/loop/job_parts.h"

namespace terse {

CommunicatorOptions communicator_options(const Job& job) {
  CommunicatorOptions options;
  options.link.bytes_per_second = job.link.bandwidth.value_or(0);
  options.link.latency = job.link.latency;
  options.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(job.world.timeout);
  return options;
}

CompressionOptions compression_of(const Job& job) {
  const CompressionJob& settings = job.compression;
  CompressionOptions compression;
  compression.codec = settings.codec;
  compression.bits = static_cast<int>(settings.bits);
  compression.density = settings.density;
  compression.rank = static_cast<int>(settings.rank);
  compression.feedback = settings.feedback;
  compression.beta = settings.beta.value_or(0);
  compression.gamma = settings.gamma;
  compression.min_elements = static_cast<std::uint32_t>(settings.min_elements);
  compression.group_bytes = static_cast<std::size_t>(settings.group_bytes.value_or(0));
  compression.warmup_epochs = static_cast<int>(settings.warmup_epochs);
  compression.warmup_densities = settings.warmup_densities;
  compression.momentum = job.optimizer.momentum;
  compression.nesterov = job.optimizer.nesterov;
  compression.masking = settings.masking;
  compression.clip_norm = settings.clip_norm;
  compression.clip_global = settings.clip_scope == "global";
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
