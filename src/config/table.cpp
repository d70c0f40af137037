#include "terse/config/table.h"

#include <algorithm>
#include <boost/any.hpp>

#include "terse/compressors/codec.h"
#include "terse/compressors/feedback.h"
#include "terse/config/option_type.h"
#include "terse/config/text/ini.h"

namespace terse {
namespace {

namespace po = boost::program_options;

template <class T>
class FieldOf final : public Field {
 public:
  FieldOf(std::string key, T& target, OptionType<T> kind)
      : key_(std::move(key)), target_(target), kind_(std::move(kind)) {}

  const std::string& allowed() const override { return kind_.allowed; }
  std::string text() const override { return kind_.format(target_); }
  void assign(const std::string& text) const override { target_ = read(text); }

  std::string name() const override { return kind_.allowed; }
  unsigned min_tokens() const override { return 1; }
  unsigned max_tokens() const override { return 1; }
  bool is_composing() const override { return false; }
  bool is_required() const override { return false; }
  void parse(boost::any& value, const std::vector<std::string>& tokens, bool) const override {
    value = read(tokens.at(0));
  }
  bool apply_default(boost::any& value) const override {
    value = target_;
    return true;
  }
  void notify(const boost::any& value) const override { target_ = boost::any_cast<T>(value); }

 private:
  T read(const std::string& text) const {
    std::optional<T> value = kind_.parse(text);
    if (!value) {
      throw BadValue(key_, fmt::format("must be {}, not \"{}\"", kind_.allowed, printable(text)));
    }
    return *std::move(value);
  }

  std::string key_;
  T& target_;
  OptionType<T> kind_;
};

constexpr std::int64_t kMany = 1'000'000'000;  // steps and epochs: more is a slip of the finger
constexpr std::int64_t kWide = 1'000'000;      // samples, widths
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr Range kRate{.high = 1000, .open_low = true};
constexpr Range kRateOrNone{.high = 1000};
constexpr Range kEpochs{.high = kMany};
constexpr Range kNorm{.high = kMany};
constexpr Range kFraction{.high = 1, .open_high = true};  // [0, 1)
constexpr Range kShare{.high = 1, .open_low = true};      // (0, 1]

// Adds the rows of one section.
class Rows {
 public:
  Rows(po::options_description& description, std::string section)
      : description_(description), section_(std::move(section)) {}

  template <class T>
  void add(const std::string& name, T& target, OptionType<T> kind, const char* meaning) {
    const std::string key = section_ + "." + name;
    description_.add_options()(key.c_str(), new FieldOf<T>(key, target, std::move(kind)), meaning);
  }

 private:
  po::options_description& description_;
  std::string section_;
};

void add_data(po::options_description& table, DataJob& job) {
  Rows rows(table, "data");
  rows.add("kind", job.kind, choice({"idx", "cifar10", "hdf5"}), "format of the data set");
  rows.add("path", job.path, path(),
           "its file or folder, relative to the current folder or else to the job file's");
  rows.add("limit", job.limit, whole(0, kMany), "use the first so many training images; 0: all");
  rows.add("augment", job.augment, choice({"none", "crop_flip"}),
           "random changes to training images");
  rows.add("normalize", job.normalize, yes_no(), "give every channel mean 0 and deviation 1");
  rows.add("prefetch", job.prefetch, whole(0, 64), "batches loaded ahead in the background");
}

void add_model(po::options_description& table, ModelJob& job) {
  Rows rows(table, "model");
  rows.add("name", job.name,
           choice({"mlp", "lenet5", "convnet", "resnet20", "resnet56", "resnet110"}),
           "what to train");
  rows.add("hidden", job.hidden, whole_list(1, kWide), "widths of the hidden layers (mlp)");
}

void add_train(po::options_description& table, TrainJob& job) {
  Rows rows(table, "train");
  rows.add("epochs", job.epochs, whole(0, kMany), "passes over the training data");
  rows.add("batch", job.batch, whole(1, kWide), "samples per rank and micro-batch");
  rows.add("accumulate", job.accumulate, whole(1, kWide), "micro-batches per step");
  rows.add("max_steps", job.max_steps, whole(0, kMany), "stop after so many steps; 0: no limit");
  rows.add("seed", job.seed, whole(0, kMax), "of weights, order, augmentation and rounding");
  rows.add("device", job.device, choice({"cpu"}), "where to compute; this build has no CUDA");
  rows.add("threads", job.threads, whole(1, 1024),
           "per rank; the last bits of a result depend on it");
  rows.add("label_smoothing", job.label_smoothing, number(kFraction),
           "share of the target spread over all classes");
  rows.add("clip_norm", job.clip_norm, number(kNorm),
           "largest norm of the averaged gradient; 0: off");
  rows.add("on_nonfinite", job.on_nonfinite, choice({"stop", "skip"}),
           "what to do about NaN or Inf in a gradient");
}

void add_optimizer(po::options_description& table, OptimizerJob& job) {
  Rows rows(table, "optimizer");
  rows.add("name", job.name, choice({"sgd", "adamw"}), "the update rule");
  rows.add("lr", job.lr, number(kRate), "learning rate before the schedule");
  rows.add("momentum", job.momentum, number(kFraction), "heavy-ball factor (sgd)");
  rows.add("nesterov", job.nesterov, yes_no(), "Nesterov's form of momentum (sgd)");
  rows.add("weight_decay", job.weight_decay, number(kRateOrNone),
           "factor of the weights in the update");
  rows.add("beta1", job.beta1, number(kFraction), "decay of the first moment (adamw)");
  rows.add("beta2", job.beta2, number(kFraction), "decay of the second moment (adamw)");
  rows.add("eps", job.eps, number(kRate), "added to the root of the second moment (adamw)");
}

void add_schedule(po::options_description& table, ScheduleJob& job) {
  Rows rows(table, "schedule");
  rows.add("kind", job.kind, choice({"constant", "step", "cosine"}), "course of the learning rate");
  rows.add("epochs", job.epochs, optional(number(kEpochs), "default"),
           "its length (cosine); default: train.epochs");
  rows.add("warmup_epochs", job.warmup_epochs, number(kEpochs), "linear rise from 0 at the start");
  rows.add("milestones", job.milestones, number_list(kEpochs, "none"),
           "epochs at which the rate drops (step)");
  rows.add("gamma", job.gamma, number(kShare), "factor of each drop (step)");
  rows.add("min_lr", job.min_lr, number(kRateOrNone), "rate at the end (cosine)");
}

std::vector<std::string> codec_choices() { return {codec_names().begin(), codec_names().end()}; }

std::vector<std::string> feedback_choices() {
  std::vector<std::string> names = {"default"};
  for (const FeedbackInfo& info : feedbacks()) names.emplace_back(info.name);
  return names;
}

// How a sparse codec can write its values: fp32, a cast, or max-min of so many bits.
std::vector<std::string> value_choices() {
  std::vector<std::string> names = {"fp32", "fp16", "bf16", "fp8", "fp8_e5m2", "natural"};
  for (int bits = 1; bits <= 8; ++bits) names.push_back(fmt::format("maxmin{}", bits));
  for (int bits = 2; bits <= 8; ++bits) names.push_back(fmt::format("qsgd{}", bits));
  for (int bits = 2; bits <= 8; ++bits) names.push_back(fmt::format("nuqsgd{}", bits));
  return names;
}

void add_compression(po::options_description& table, CompressionJob& job) {
  Rows rows(table, "compression");
  rows.add("codec", job.codec, choice(codec_choices()), "how gradients travel");
  rows.add("bits", job.bits, whole(1, 8), "per element (maxmin, qsgd, nuqsgd)");
  rows.add("bucket", job.bucket, whole(1, 1 << 20),
           "elements that share a scale (maxmin, qsgd, nuqsgd)");
  rows.add("rounding", job.rounding, choice({"stochastic", "nearest"}), "to the grid (maxmin)");
  rows.add("max_norm", job.max_norm, yes_no(),
           "a bucket's scale is its largest magnitude, not its 2-norm (qsgd)");
  rows.add("block", job.block, whole(32, 128), "elements that share an exponent (fp8)");
  rows.add("clip", job.clip, number(kNorm),
           "standard deviations beyond which values are cut (terngrad); 0: none");
  rows.add("density", job.density, number(kShare), "share of the elements that travel (sparse)");
  rows.add("rank", job.rank, whole(1, 1 << 16), "of what a matrix travels as (powersgd)");
  rows.add("alternating", job.alternating, yes_no(),
           "one factor in even steps, the other in odd ones (powersgd)");
  rows.add("threshold", job.threshold, number({.low = 0, .high = kNorm.high}),
           "magnitudes above it travel (threshold)");
  rows.add("unbiased", job.unbiased, yes_no(),
           "values times n / k, without memory (randomk, randblock)");
  rows.add("values", job.values, choice(value_choices()), "how values are written (sparse)");
  rows.add("feedback", job.feedback, choice(feedback_choices()),
           "memory of what did not travel; default: as published");
  rows.add("beta", job.beta, optional(number({.low = 0, .high = 1, .open_low = true}), "default"),
           "factor on the memory (decay, lowpass, demo, sparseloco); default: as published");
  rows.add("gamma", job.gamma, number({.low = 0, .high = kNorm.high, .open_low = true}),
           "factor on the gradient (decay)");
  rows.add("min_elements", job.min_elements, whole(0, kMax), "smaller layers travel dense");
  rows.add("group_bytes", job.group_bytes, optional(size(1, 1 << 30), "default"),
           "gradient bytes that leave together; default: the codec's");
  rows.add("warmup_epochs", job.warmup_epochs, whole(0, 1000),
           "epochs in which the density falls to its value (dgc)");
  rows.add("warmup_densities", job.warmup_densities, number_list(kShare, "default"),
           "one per warm-up epoch (dgc); default: the published rule");
  rows.add("clip_norm", job.clip_norm, number(kNorm),
           "largest norm of the local gradient before scaling by 1/sqrt(ranks) (dgc); 0: off");
  rows.add("clip_scope", job.clip_scope, choice({"tensor", "global"}),
           "what that norm is of (dgc); global: no overlap with backward");
  rows.add("masking", job.masking, yes_no(), "momentum factor masking (dgc)");
  rows.add("sample_ratio", job.sample_ratio, number(kShare),
           "share of the elements sampled for the threshold (dgc, topk_sampled)");
}

void add_link(po::options_description& table, LinkJob& job) {
  Rows rows(table, "link");
  rows.add("bandwidth", job.bandwidth, optional(bandwidth(), "unlimited"),
           "emulated rate at which a rank sends");
  rows.add("latency", job.latency, duration(std::chrono::nanoseconds(0), std::chrono::minutes(1)),
           "emulated delay of a message");
}

void add_world(po::options_description& table, WorldJob& job) {
  Rows rows(table, "world");
  rows.add("timeout", job.timeout, duration(std::chrono::seconds(1), std::chrono::hours(24)),
           "silence after which a rank counts as lost");
  rows.add("check_every", job.check_every, whole(0, kMany),
           "steps between comparisons of the parameters; 0: only at the end");
}

void add_output(po::options_description& table, OutputJob& job) {
  Rows rows(table, "output");
  rows.add("dir", job.dir, path(),
           "folder of metrics, summary and checkpoints, relative to the current folder");
  rows.add("checkpoint_every", job.checkpoint_every, whole(0, kMany), "steps; 0: only at the end");
  rows.add("keep", job.keep, whole(1, kWide), "newest checkpoints kept");
  rows.add("log_every", job.log_every, whole(1, kMany), "steps");
  rows.add("eval_every", job.eval_every, whole(0, kMany), "epochs; 0: only at the end");
}

}  // namespace

OptionTable::OptionTable(Job& job) {
  add_data(description_, job.data);
  add_model(description_, job.model);
  add_train(description_, job.train);
  add_optimizer(description_, job.optimizer);
  add_schedule(description_, job.schedule);
  add_compression(description_, job.compression);
  add_link(description_, job.link);
  add_world(description_, job.world);
  add_output(description_, job.output);
}

std::vector<std::string> OptionTable::keys() const {
  std::vector<std::string> keys;
  for (const auto& row : description_.options()) keys.push_back(row->long_name());
  return keys;
}

std::vector<std::string> OptionTable::sections() const {
  std::vector<std::string> sections;
  for (const std::string& key : keys()) {
    std::string section = key.substr(0, key.find('.'));
    if (sections.empty() || sections.back() != section) sections.push_back(std::move(section));
  }
  return sections;
}

bool OptionTable::contains(const std::string& key) const {
  // Boost's own search takes the empty name for every row without a short form.
  const auto& rows = description_.options();
  return std::any_of(rows.begin(), rows.end(),
                     [&](const auto& row) { return row->long_name() == key; });
}

const Field& OptionTable::field(const std::string& key) const {
  return dynamic_cast<const Field&>(*description_.find(key, false).semantic());
}

const std::string& OptionTable::meaning(const std::string& key) const {
  return description_.find(key, false).description();
}

}  // namespace terse
