#include "terse/comm/torch/gradient_reducer.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "terse/base/error.h"

namespace terse {
namespace {

constexpr std::int64_t kAlignment = 16;  // elements: 64 bytes

void require_supported(const std::string& name, const at::Tensor& parameter) {
  const auto refuse = [&](std::string_view what) {
    fail<JobError>(
        "parameter {} is {}; trained parameters must be dense float32 tensors on the CPU.", name,
        what);
  };
  if (!parameter.device().is_cpu()) refuse("on " + parameter.device().str());
  if (parameter.layout() != at::kStrided) refuse("sparse");
  if (parameter.scalar_type() != at::kFloat) refuse(c10::toString(parameter.scalar_type()));
}

// In about the order in which backward completes them: the reverse of the module's. A parameter
// that is registered under several names counts once, under its first name.
std::vector<std::pair<std::string, at::Tensor>> trained_parameters(
    const torch::nn::Module& module) {
  std::vector<std::pair<std::string, at::Tensor>> parameters;
  std::unordered_set<const at::TensorImpl*> seen;
  for (const auto& item : module.named_parameters()) {
    if (item.value().requires_grad() && seen.insert(item.value().unsafeGetTensorImpl()).second)
      parameters.emplace_back(item.key(), item.value());
  }
  std::reverse(parameters.begin(), parameters.end());
  return parameters;
}

void broadcast_tensor(Communicator& communicator, const at::Tensor& tensor) {
  at::Tensor flat = tensor.contiguous();
  broadcast(communicator, 0, Bytes(static_cast<std::byte*>(flat.data_ptr()), flat.nbytes()));
  if (!flat.is_same(tensor)) tensor.copy_(flat);
}

}  // namespace

// Called when .grad() is complete (once for a tied parameter). Never blocks.
struct GradientReducer::Hook final : torch::autograd::PostAccumulateGradHook {
  Hook(std::shared_ptr<std::atomic<Reducer*>> target, std::size_t layer)
      : target_(std::move(target)), layer_(layer) {}
  void operator()(const torch::autograd::Variable&) override {
    if (Reducer* reducer = target_->load(std::memory_order_acquire)) reducer->ready(layer_);
  }

 private:
  std::shared_ptr<std::atomic<Reducer*>> target_;
  std::size_t layer_;
};

GradientReducer::GradientReducer(torch::nn::Module& module, CommThread& thread,
                                 GradientReducerOptions options)
    : thread_(thread),
      options_(std::move(options)),
      target_(std::make_shared<std::atomic<Reducer*>>(nullptr)) {
  lay_out(module);
  if (options_.broadcast_parameters && thread_.size() > 1) {
    const at::NoGradGuard guard;
    thread_.call([&](Communicator& communicator) {
      for (const auto& item : module.named_parameters())
        broadcast_tensor(communicator, item.value().detach());
      for (const auto& item : module.named_buffers()) broadcast_tensor(communicator, item.value());
    });
  }
  reducer_ = std::make_unique<Reducer>(
      layers_, thread_, make_plan(layers_, options_.compression, epoch_, thread_.size()),
      ReducerOptions{.seed = options_.seed,
                     .may_skip = options_.may_skip,
                     .stop_wanted = options_.stop_wanted});
}

GradientReducer::~GradientReducer() {
  target_->store(nullptr);  // hooks may outlive this
}

void GradientReducer::lay_out(torch::nn::Module& module) {
  std::int64_t total = 0;
  std::vector<std::int64_t> offsets;
  for (const auto& [name, parameter] : trained_parameters(module)) {
    require_supported(name, parameter);
    parameters_.push_back(parameter);
    layers_.push_back(
        {.name = name,
         .grad = nullptr,
         .size = static_cast<std::uint32_t>(parameter.numel()),
         .dimensions = static_cast<int>(parameter.dim()),
         .rows = static_cast<std::uint32_t>(parameter.dim() > 1 ? parameter.size(0) : 0)});
    offsets.push_back(total);
    total += (parameter.numel() + kAlignment - 1) / kAlignment * kAlignment;
  }
  if (layers_.empty())
    fail<JobError>(
        "the module has no parameter that requires a gradient, so there is nothing to train.");
  arena_ = at::zeros({total}, at::kFloat);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    at::Tensor view =
        arena_.narrow(0, offsets[i], parameters_[i].numel()).view(parameters_[i].sizes());
    layers_[i].grad = static_cast<float*>(view.data_ptr());  // null where it is empty
    parameters_[i].mutable_grad() = view;
    torch::autograd::impl::set_post_acc_grad_hooks(parameters_[i],
                                                   std::make_unique<Hook>(target_, i));
  }
}

void GradientReducer::check_views() const {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const at::Tensor& grad = parameters_[i].grad();
    if (grad.defined() && grad.data_ptr() == layers_[i].grad) continue;
    fail(
        "step {}: the gradient of {} is no longer its view of the arena; something replaced it "
        "(zero_grad() does, by default). "
        "Leave gradients to prepare(), or zero them in place.",
        step_, layers_[i].name);
  }
}

void GradientReducer::prepare(bool sync, const StepInfo& info) {
  if (synced_)
    fail("step {}: prepare() was called twice; finish() comes after the last backward.", step_);
  if (!open_) {
    check_views();
    const at::NoGradGuard guard;
    arena_.zero_();
    open_ = true;
  }
  if (!sync) return;
  reducer_->begin(step_, info);
  synced_ = true;
  target_->store(reducer_.get(), std::memory_order_release);
}

StepReport GradientReducer::finish() {
  if (!synced_) fail("step {}: finish() was called without prepare().", step_);
  target_->store(nullptr, std::memory_order_release);
  open_ = synced_ = false;
  check_views();
  StepReport report = reducer_->finish();
  ++step_;
  return report;
}

void GradientReducer::set_epoch(std::int64_t epoch) {
  if (synced_) fail("step {}: set_epoch() was called within a step; call it between steps.", step_);
  if (epoch == epoch_) return;
  reducer_->adopt(make_plan(layers_, options_.compression, epoch, thread_.size()));
  epoch_ = epoch;
}

const Plan& GradientReducer::plan() const { return reducer_->plan(); }

bool GradientReducer::owns_momentum(const std::string& parameter) const {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (layers_[i].name == parameter)
      return plan().schemes[plan().assignments[i].scheme].owns_momentum;
  }
  return false;
}

std::size_t GradientReducer::planned_bytes() const {
  return step_bytes(layers_, plan(), thread_.rank(), thread_.size());
}

std::size_t GradientReducer::dense_bytes() const {
  return step_bytes(layers_, make_plan(layers_, {}, 0, thread_.size()), thread_.rank(),
                    thread_.size());
}

}  // namespace terse
