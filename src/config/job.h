// A job: everything that a run depends on. Each section of a job file is a struct and each key a
// field, except that the keys of codec options are the fields of CompressionJob::codec. The values
// here are the defaults; table.cpp defines what each key accepts and means.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "terse/compressors/codec.h"

namespace terse {

struct DataJob {
  std::string kind = "hdf5";     // idx | cifar10 | hdf5
  std::string path;              // absolute once parsed
  std::int64_t limit = 0;        // training images; 0: all
  std::string augment = "none";  // none | crop_flip
  bool normalize = true;
  std::int64_t prefetch = 2;  // batches
  bool operator==(const DataJob&) const = default;
};

struct ModelJob {
  std::string name = "convnet";  // mlp | lenet5 | convnet | resnet20 | resnet56 | resnet110
  std::vector<std::int64_t> hidden = {256, 128};  // widths of mlp's hidden layers
  bool operator==(const ModelJob&) const = default;
};

struct TrainJob {
  std::int64_t epochs = 3;
  std::int64_t batch = 32;      // samples of one micro-batch of one rank
  std::int64_t accumulate = 1;  // micro-batches of one step
  std::int64_t max_steps = 0;   // 0: no limit
  std::int64_t seed = 1;
  std::string device = "cpu";
  std::int64_t threads = 1;  // of one rank
  double label_smoothing = 0;
  double clip_norm = 0;               // of the averaged gradient; 0: off
  std::string on_nonfinite = "stop";  // stop | skip
  bool operator==(const TrainJob&) const = default;
};

struct OptimizerJob {
  std::string name = "sgd";  // sgd | adamw
  double lr = 0.05;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  bool operator==(const OptimizerJob&) const = default;
};

struct ScheduleJob {
  std::string kind = "constant";   // constant | step | cosine
  std::optional<double> epochs;    // length of the cosine; always set once parsed
  double warmup_epochs = 0;        // of the learning rate
  std::vector<double> milestones;  // epochs, ascending
  double gamma = 0.1;
  double min_lr = 0;
  bool operator==(const ScheduleJob&) const = default;
};

struct CompressionJob {
  CodecOptions codec;  // key `codec` is its name; the other keys are the rows of codec_options()
  std::int64_t bits = 8;
  double density = 0.001;
  std::int64_t rank = 4;             // powersgd
  std::string feedback = "default";  // default, or a name of compressors/feedback.h
  std::optional<double> beta;        // of the feedback; absent: as published
  double gamma = 1;                  // feedback = decay
  std::int64_t min_elements = 1024;
  std::optional<std::int64_t> group_bytes;  // absent: the codec chooses
  std::int64_t warmup_epochs = 0;           // of the density
  std::vector<double> warmup_densities;     // one for each warm-up epoch; empty: the published rule
  double clip_norm = 0;                     // of the local gradient; 0: off
  std::string clip_scope = "tensor";        // tensor | global
  bool masking = true;
  bool operator==(const CompressionJob&) const = default;
};

struct LinkJob {
  std::optional<double> bandwidth;  // bytes per second; absent: unlimited
  std::chrono::nanoseconds latency{0};
  bool operator==(const LinkJob&) const = default;
};

struct WorldJob {
  std::chrono::nanoseconds timeout = std::chrono::seconds(60);
  std::int64_t check_every = 0;  // steps; 0: only at the end
  bool operator==(const WorldJob&) const = default;
};

struct OutputJob {
  std::string dir = "runs/default";
  std::int64_t checkpoint_every = 0;  // steps; 0: only at the end
  std::int64_t keep = 3;              // checkpoints
  std::int64_t log_every = 20;        // steps
  std::int64_t eval_every = 1;        // epochs; 0: only at the end
  bool operator==(const OutputJob&) const = default;
};

struct Job {
  DataJob data;
  ModelJob model;
  TrainJob train;
  OptimizerJob optimizer;
  ScheduleJob schedule;
  CompressionJob compression;
  LinkJob link;
  WorldJob world;
  OutputJob output;
  bool operator==(const Job&) const = default;
};

// The length of the schedule, also of a job that was not parsed.
inline double schedule_epochs(const Job& job) {
  return job.schedule.epochs.value_or(static_cast<double>(job.train.epochs));
}

}  // namespace terse
