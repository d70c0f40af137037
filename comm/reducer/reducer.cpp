#include "terse/comm/reducer/reducer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "terse/base/error.h"
#include "terse/compressors/kernels/cpu/norm.h"

namespace terse {
namespace {

constexpr int kMeasuredStep = 3;  // the first steps have page faults and cold caches
constexpr double kClipEpsilon = 1e-6;

std::int64_t microseconds(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

std::string names_of(std::span<const Layer> layers, std::span<const Piece> pieces) {
  std::string text = layers[pieces.front().layer].name;
  std::uint32_t last = pieces.front().layer;
  int named = 1;
  for (const Piece& piece : pieces) {
    if (piece.layer == last) continue;
    last = piece.layer;
    if (++named <= 4) text += ", " + layers[last].name;
  }
  return named <= 4 ? text : fmt::format("{} and {} more", text, named - 4);
}

}  // namespace

// Keeps rounds of other groups moving while a codec computes.
class Reducer::Driver final : public ProgressHook {
 public:
  void bind(Communicator& communicator) { communicator_ = &communicator; }
  void drive() override { communicator_->drive(); }

 private:
  Communicator* communicator_ = nullptr;
};

struct Reducer::ActiveGroup {
  Group group;
  std::shared_ptr<const Exchange> exchange;
  std::unique_ptr<ExchangeState> state;
  std::uint16_t scheme = 0;
  std::vector<std::uint32_t> layers;  // each once
  std::atomic<int> pending{0};
  std::optional<Channel> channel;
  Driver driver;
  Task task;
  Clock::time_point posted_at;
  std::atomic<std::int64_t> ready_us{0};
  std::int64_t round_us = 0;
};

Reducer::Reducer(std::vector<Layer> layers, CommThread& thread, Plan plan,
                 const ReducerOptions& options)
    : layers_(std::move(layers)),
      thread_(thread),
      options_(options),
      plan_(std::move(plan)),
      state_(options.may_skip),
      scales_(layers_.size(), 1.0f),
      is_ready_(layers_.size()) {
  build();
}

Reducer::~Reducer() {
  if (!armed_) return;
  // The step was not finished: its rounds still point into this object.
  thread_.abort("left a step unfinished");
  try {
    thread_.wait();
  } catch (...) {
    return;
  }
}

void Reducer::adopt(Plan plan) {
  if (armed_) fail("a plan can be adopted between steps only.");
  const bool same = plan.hash() == plan_hash_;
  if (!same) convert_state(plan_, plan);
  plan_ = std::move(plan);
  if (!same) build();
}

// Passes the state of each layer from its old scheme to its new one: residuals are converted to the
// new unit; estimates start from zero.
void Reducer::convert_state(const Plan& from, const Plan& to) {
  const auto unit = [&](const Feedback& f) { return f.lr_inside ? info_.lr : 1.0f; };
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Feedback& before = from.schemes[from.assignments[i].scheme].feedback;
    const Feedback& after = to.schemes[to.assignments[i].scheme].feedback;
    if (!after.integrate) {
      state_.forget(layers_[i], kEstimate);
      state_.forget(layers_[i], kBase);
    }
    Slot* const residual = state_.find(layers_[i], kResidual);
    if (residual == nullptr || before.lr_inside == after.lr_inside) continue;
    for (float& e : residual->values()) e *= unit(after) / unit(before);
  }
}

void Reducer::build() {
  plan_hash_ = plan_.hash();
  steps_since_adopt_ = 0;
  active_groups_.clear();
  groups_of_layer_.assign(layers_.size(), {});
  timings_.clear();
  std::size_t workspace = 0, scratch = 0;
  std::int64_t ready_us = 0;
  for (const GroupSpec& spec : make_groups(layers_, plan_)) {
    const Scheme& scheme = plan_.schemes[spec.scheme];
    auto active = std::make_unique<ActiveGroup>();
    active->scheme = spec.scheme;
    active->exchange = make_exchange(scheme.codec, scheme.feedback);
    Group& group = active->group;
    group.id = static_cast<std::uint16_t>(active_groups_.size());
    group.layers = names_of(layers_, spec.pieces);
    group.key = {.seed = options_.seed,
                 .step = 0,
                 .rank = static_cast<std::uint32_t>(thread_.rank()),
                 .phase = 0};
    active->state = active->exchange->build(
        {layers_, plan_, spec, thread_.rank(), thread_.size(), &state_, scales_.data()});
    for (const Piece& piece : spec.pieces) {
      if (active->layers.empty() || active->layers.back() != piece.layer) {
        active->layers.push_back(piece.layer);
        groups_of_layer_[piece.layer].push_back(group.id);
      }
      scratch =
          std::max(scratch, scheme.codec->scratch(piece.n, plan_.assignments[piece.layer].level));
      ready_us += piece.n / 256;
    }
    workspace = std::max(workspace, active->state->workspace_bytes());
    timings_.push_back({ready_us, 1000, active->exchange->rounds(thread_.size(), 0)});
    active_groups_.push_back(std::move(active));
  }
  const int depth = std::clamp(options_.depth, 1,
                               static_cast<int>(std::max<std::size_t>(active_groups_.size(), 1)));
  schedule_ = make_schedule(timings_, depth);
  workspaces_.clear();
  for (int i = 0; i < depth; ++i) workspaces_.emplace_back(workspace / sizeof(float) + 16);
  scratch_.clear();
  scratch_.emplace_back(scratch / sizeof(float) + 16);
}

std::size_t Reducer::workspace_bytes() const {
  std::size_t bytes = 0;
  for (const FloatBuffer& buffer : workspaces_) bytes += buffer.values().size_bytes();
  for (const FloatBuffer& buffer : scratch_) bytes += buffer.values().size_bytes();
  return bytes;
}

void Reducer::begin(std::uint64_t step, const StepInfo& info) {
  if (armed_) fail("step {} was begun before step {} was finished.", step, step_);
  step_ = step;
  info_ = info;
  for (auto& active : active_groups_) {
    const Scheme& scheme = plan_.schemes[active->scheme];
    active->group.feedback = scheme.feedback.at(info.lr);
  }
  count_rounds();
  flags_ = {};
  clip_measured_ = false;
  finishing_ = false;
  for (auto& flag : is_ready_) flag.store(false, std::memory_order_relaxed);
  for (auto& active : active_groups_)
    active->pending.store(static_cast<int>(active->layers.size()), std::memory_order_relaxed);
  bytes_before_ = thread_.traffic().bytes_sent;
  began_ = Clock::now();
  thread_.start([this](Communicator& communicator) { run_step(communicator); });
  armed_ = true;
}

void Reducer::ready(std::size_t layer) {
  if (is_ready_[layer].exchange(true, std::memory_order_acq_rel)) return;
  const std::int64_t now = microseconds(Clock::now() - began_);
  for (const std::uint32_t group : groups_of_layer_[layer]) {
    active_groups_[group]->ready_us.store(now, std::memory_order_relaxed);
    active_groups_[group]->pending.fetch_sub(1, std::memory_order_release);
  }
}

StepReport Reducer::finish() {
  const Clock::time_point arrived = Clock::now();
  for (std::size_t i = 0; i < layers_.size(); ++i) ready(i);
  finishing_ = true;
  armed_ = false;
  thread_.wait();

  StepReport report;
  report.nonfinite = (flags_.bits & kNonFinite) != 0;
  report.stop_wanted = (flags_.bits & kStopWanted) != 0;
  report.origin = flags_.origin;
  for (const Layer& layer : layers_) {
    if (flags_.layer != 0 && layer.key() == flags_.layer) report.layer = layer.name;
  }
  report.bytes_sent = bytes_sent_;
  report.wait_seconds = std::chrono::duration<double>(Clock::now() - arrived).count();
  if (!report.nonfinite && options_.may_skip) {
    state_.commit();
    for (auto& active : active_groups_) active->state->swap_pairs();
  }
  return report;
}

void Reducer::run_step(Communicator& communicator) {
  try {
    for (const Turn& turn : schedule_)
      advance(*active_groups_[turn.group], turn.workspace, communicator);
    for (auto& active : active_groups_) {
      if (!active->task.done())
        fail("group {} ({}) took more rounds than its exchange announced.", active->group.id,
             active->group.layers);
      active->task.reset();
    }
  } catch (const PeerLost&) {
    for (auto& active : active_groups_) active->task.reset();
    throw;
  } catch (const std::exception& error) {
    // Rounds in flight point into buffers that may be freed now, so the world has to end.
    communicator.abort(error.what());
    for (auto& active : active_groups_) active->task.reset();
    throw;
  }
  // The traffic of update_timings() is not part of the step.
  bytes_sent_ = communicator.traffic().bytes_sent - bytes_before_;
  if (++steps_since_adopt_ == kMeasuredStep) update_timings(communicator);
}

void Reducer::advance(ActiveGroup& active, std::uint16_t workspace, Communicator& communicator) {
  if (!active.task.started()) {
    if (!active.channel) {
      active.channel.emplace(communicator, flags_, active.group.layers);
      active.driver.bind(communicator);
    }
    await_ready(active, communicator);
    start_group(active, workspace);
  } else {
    communicator.wait(active.channel->ticket());
    active.round_us = microseconds(Clock::now() - active.posted_at);
  }
  try {
    active.task.resume();
  } catch (const DamagedMessage& error) {
    if (error.names_step) throw;
    fail<DamagedMessage>("in step {}, {} (a message that passed its checksums): {}", step_,
                         active.group.layers, error.what());
  }
  active.posted_at = Clock::now();
}

void Reducer::await_ready(ActiveGroup& active, Communicator& communicator) {
  const bool hold = waits_for_all_layers(plan_);
  int idle = 0;
  while (active.pending.load(std::memory_order_acquire) > 0 || (hold && !finishing_)) {
    if (communicator.drive()) {
      idle = 0;
    } else {
      communicator.pause(idle);
    }
  }
}

void Reducer::start_group(ActiveGroup& active, std::uint16_t workspace) {
  Group& group = active.group;
  const auto as_bytes = [](const FloatBuffer& buffer) {
    return std::as_writable_bytes(buffer.values());
  };
  group.key.step = step_;
  group.bad_row = -1;
  group.exec = {
      .scratch = as_bytes(scratch_.front()), .progress = &active.driver, .bad_row = &group.bad_row};
  active.state->bind_workspace(as_bytes(workspaces_[workspace]));
  if (options_.stop_wanted != nullptr && *options_.stop_wanted) {
    flags_.raise(kStopWanted, static_cast<std::uint16_t>(thread_.rank()));
  }
  if (plan_.clip_norm > 0) measure_scales(active.layers);
  active.channel->begin(step_, plan_hash_, group.id);
  active.task = active.state->run(group, *active.channel);
}

// Local clipping (Lin et al. 2018, section 3.2), before the feedback: by the threshold for the
// averaged gradient times N^(-1/2).
void Reducer::measure_scales(std::span<const std::uint32_t> layers) {
  const auto squared = [&](std::uint32_t i) {
    return squared_norm({layers_[i].grad, layers_[i].size});
  };
  const auto factor = [&](double sum) {
    return static_cast<float>(std::min(1.0, plan_.clip_norm / (std::sqrt(sum) + kClipEpsilon)));
  };
  if (!plan_.clip_global) {
    for (const std::uint32_t i : layers) scales_[i] = factor(squared(i));
    return;
  }
  if (std::exchange(clip_measured_, true)) return;  // by the first group of the step, for all
  double sum = 0;
  for (std::uint32_t i = 0; i < layers_.size(); ++i) sum += squared(i);
  std::fill(scales_.begin(), scales_.end(), factor(sum));
}

// Replaces the estimates of build() by what rank 0 measured.
void Reducer::update_timings(Communicator& communicator) {
  std::vector<std::int64_t> measured;
  for (const auto& active : active_groups_) {
    measured.push_back(active->ready_us.load(std::memory_order_relaxed));
    measured.push_back(std::max<std::int64_t>(active->round_us, 1));
  }
  broadcast(communicator, 0, std::as_writable_bytes(std::span(measured)));
  for (std::size_t g = 0; g < active_groups_.size(); ++g) {
    timings_[g].ready_us = measured[2 * g];
    timings_[g].round_us = measured[2 * g + 1];
  }
  schedule_ = make_schedule(timings_, static_cast<int>(workspaces_.size()));
}

// An exchange may take more rounds in some steps than in others.
void Reducer::count_rounds() {
  bool changed = false;
  for (std::size_t g = 0; g < active_groups_.size(); ++g) {
    const int rounds = active_groups_[g]->exchange->rounds(thread_.size(), step_);
    changed |= rounds != std::exchange(timings_[g].rounds, rounds);
  }
  if (changed) schedule_ = make_schedule(timings_, static_cast<int>(workspaces_.size()));
}

}  // namespace terse
