#include "terse/config/table.h"

#include <algorithm>
#include <boost/any.hpp>

#include "terse/compressors/codec_options.h"
#include "terse/compressors/feedback.h"
#include "terse/config/option_type.h"
#include "terse/config/text/ini.h"
#include "terse/config/text/units.h"

namespace terse {
namespace {

namespace po = boost::program_options;

class NamedField : public Field {
 public:
  NamedField(std::string key, std::string allowed)
      : key_(std::move(key)), allowed_(std::move(allowed)) {}

  const std::string& allowed() const override { return allowed_; }
  std::string name() const override { return allowed_; }
  unsigned min_tokens() const override { return 1; }
  unsigned max_tokens() const override { return 1; }
  bool is_composing() const override { return false; }
  bool is_required() const override { return false; }

 protected:
  [[noreturn]] void refuse(const std::string& text) const {
    throw BadValue(key_, fmt::format("must be {}, not \"{}\"", allowed_, printable(text)));
  }

 private:
  std::string key_, allowed_;
};

template <class T>
class FieldOf final : public NamedField {
 public:
  FieldOf(std::string key, T& target, OptionType<T> type)
      : NamedField(std::move(key), type.allowed), target_(target), type_(std::move(type)) {}

  std::string text() const override { return type_.format(target_); }
  void assign(const std::string& text) const override { target_ = read(text); }
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
    std::optional<T> value = type_.parse(text);
    if (!value) refuse(text);
    return *std::move(value);
  }

  T& target_;
  OptionType<T> type_;
};

// A codec option of the job, described by its row of codec_options().
class CodecField final : public NamedField {
 public:
  CodecField(std::string key, CodecOptions& target, const CodecOption& option)
      : NamedField(std::move(key), option.allowed), target_(target), option_(option) {}

  // Records write numbers in their shortest form, 1e-04 for 0.0001; the option's own text does not.
  std::string text() const override {
    const std::string text = option_.text(target_);
    return option_.type == CodecOption::Type::number ? format_number(parse_number(text).value())
                                                     : text;
  }
  void assign(const std::string& text) const override {
    if (!option_.assign(target_, text)) refuse(text);
  }
  void parse(boost::any& value, const std::vector<std::string>& tokens, bool) const override {
    CodecOptions checked;
    if (!option_.assign(checked, tokens.at(0))) refuse(tokens.at(0));
    value = tokens.at(0);
  }
  bool apply_default(boost::any& value) const override {
    value = text();
    return true;
  }
  void notify(const boost::any& value) const override {
    assign(boost::any_cast<const std::string&>(value));
  }

 private:
  CodecOptions& target_;
  const CodecOption& option_;
};

constexpr std::int64_t kMany = 1'000'000'000;  // steps and epochs: more is a typing error
constexpr std::int64_t kWide = 1'000'000;      // samples, widths
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr Range kRate{.high = 1000, .open_low = true};
constexpr Range kRateOrNone{.high = 1000};
constexpr Range kEpochs{.high = kMany};
constexpr Range kNorm{.high = kMany};
constexpr Range kFraction{.high = 1, .open_high = true};  // [0, 1)
constexpr Range kShare{.high = 1, .open_low = true};      // (0, 1]

// Adds rows to one section.
class Rows {
 public:
  Rows(po::options_description& description, std::string section)
      : description_(description), section_(std::move(section)) {}

  template <class T>
  void add(const std::string& name, T& target, OptionType<T> type, const std::string& meaning) {
    const std::string key = section_ + "." + name;
    description_.add_options()(key.c_str(), new FieldOf<T>(key, target, std::move(type)),
                               meaning.c_str());
  }
  void add(CodecOptions& target, const CodecOption& option) {
    const std::string key = section_ + "." + option.name;
    description_.add_options()(key.c_str(), new CodecField(key, target, option),
                               option.meaning.c_str());
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
  rows.add("limit", job.limit, integer(0, kMany), "use only the first N training images; 0: all");
  rows.add("augment", job.augment, choice({"none", "crop_flip"}),
           "random changes to training images");
  rows.add("normalize", job.normalize, boolean(),
           "normalize each channel to mean 0 and deviation 1");
  rows.add("prefetch", job.prefetch, integer(0, 64), "batches loaded ahead in the background");
}

void add_model(po::options_description& table, ModelJob& job) {
  Rows rows(table, "model");
  rows.add("name", job.name,
           choice({"mlp", "lenet5", "convnet", "resnet20", "resnet56", "resnet110"}),
           "what to train");
  rows.add("hidden", job.hidden, integer_list(1, kWide), "widths of the hidden layers (mlp)");
}

void add_train(po::options_description& table, TrainJob& job) {
  Rows rows(table, "train");
  rows.add("epochs", job.epochs, integer(0, kMany), "passes over the training data");
  rows.add("batch", job.batch, integer(1, kWide), "samples per rank and micro-batch");
  rows.add("accumulate", job.accumulate, integer(1, kWide), "micro-batches per step");
  rows.add("max_steps", job.max_steps, integer(0, kMany), "stop after N steps; 0: no limit");
  rows.add("seed", job.seed, integer(0, kMax),
           "seeds weights, sample order, augmentation and rounding");
  rows.add("device", job.device, choice({"cpu"}), "where to compute; this build has no CUDA");
  rows.add("threads", job.threads, integer(1, 1024),
           "threads per rank; the last bits of a result depend on it");
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
  rows.add("nesterov", job.nesterov, boolean(), "Nesterov's form of momentum (sgd)");
  rows.add("weight_decay", job.weight_decay, number(kRateOrNone),
           "factor of the weights in the update");
  rows.add("beta1", job.beta1, number(kFraction), "decay of the first moment (adamw)");
  rows.add("beta2", job.beta2, number(kFraction), "decay of the second moment (adamw)");
  rows.add("eps", job.eps, number(kRate), "added to the root of the second moment (adamw)");
}

void add_schedule(po::options_description& table, ScheduleJob& job) {
  Rows rows(table, "schedule");
  rows.add("kind", job.kind, choice({"constant", "step", "cosine"}),
           "shape of the learning rate schedule");
  rows.add("epochs", job.epochs, optional(number(kEpochs), "default"),
           "length of the cosine; default: train.epochs");
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

// "meaning (maxmin, qsgd, nuqsgd)"
std::string read_by(const CodecFilter& filter, const std::string& meaning) {
  return fmt::format("{} ({})", meaning, summary_of_codecs(filter));
}

void add_compression(po::options_description& table, CompressionJob& job) {
  const CodecFilter dgc = has_feedback("dgc");
  Rows rows(table, "compression");
  rows.add("codec", job.codec.name, choice(codec_choices()), "how gradients are encoded");
  rows.add("bits", job.bits, integer(1, 8), read_by(has_level(Level::bits), "bits per element"));
  rows.add("density", job.density, number(kShare),
           read_by(has_level(Level::density), "share of the elements that is sent"));
  rows.add("rank", job.rank, integer(1, 1 << 16),
           read_by(has_level(Level::rank), "rank of the factors that stand for a matrix"));
  for (const CodecOption& option : codec_options()) rows.add(job.codec, option);
  rows.add("feedback", job.feedback, choice(feedback_choices()),
           "error feedback; default: the one that the codec is published with");
  rows.add("beta", job.beta, optional(number({.low = 0, .high = 1, .open_low = true}), "default"),
           "factor on the residual (decay, lowpass, demo, sparseloco); default: as published");
  rows.add("gamma", job.gamma, number({.low = 0, .high = kNorm.high, .open_low = true}),
           "factor on the gradient (decay)");
  rows.add("min_elements", job.min_elements, integer(0, kMax),
           "smaller layers are sent uncompressed");
  rows.add("group_bytes", job.group_bytes, optional(byte_size(1, 1 << 30), "default"),
           "gradient bytes that are sent together; default: the codec's");
  rows.add("warmup_epochs", job.warmup_epochs, integer(0, 1000),
           read_by(dgc, "epochs in which the density falls to its value"));
  rows.add("warmup_densities", job.warmup_densities, number_list(kShare, "default"),
           read_by(dgc, "density of each warm-up epoch; default: the published rule"));
  rows.add(
      "clip_norm", job.clip_norm, number(kNorm),
      read_by(dgc, "largest norm of a rank's gradient, before scaling by 1/sqrt(ranks); 0: off"));
  rows.add("clip_scope", job.clip_scope, choice({"tensor", "global"}),
           read_by(dgc, "what clip_norm applies to; global: without overlap with backward"));
  rows.add("masking", job.masking, boolean(), read_by(dgc, "momentum factor masking"));
}

void add_link(po::options_description& table, LinkJob& job) {
  Rows rows(table, "link");
  rows.add("bandwidth", job.bandwidth, optional(bandwidth(), "unlimited"),
           "emulated send rate of a rank");
  rows.add("latency", job.latency, duration(std::chrono::nanoseconds(0), std::chrono::minutes(1)),
           "emulated latency of a message");
}

void add_world(po::options_description& table, WorldJob& job) {
  Rows rows(table, "world");
  rows.add("timeout", job.timeout, duration(std::chrono::seconds(1), std::chrono::hours(24)),
           "a rank that stays silent for so long is declared dead");
  rows.add("check_every", job.check_every, integer(0, kMany),
           "steps between checks that all ranks have equal parameters; 0: only at the end");
}

void add_output(po::options_description& table, OutputJob& job) {
  Rows rows(table, "output");
  rows.add("dir", job.dir, path(),
           "folder of metrics, summary and checkpoints, relative to the current folder");
  rows.add("checkpoint_every", job.checkpoint_every, integer(0, kMany),
           "steps between checkpoints; 0: only at the end");
  rows.add("keep", job.keep, integer(1, kWide), "how many of the newest checkpoints to keep");
  rows.add("log_every", job.log_every, integer(1, kMany), "steps between lines of metrics");
  rows.add("eval_every", job.eval_every, integer(0, kMany),
           "epochs between evaluations; 0: only at the end");
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
