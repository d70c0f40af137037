#include "terse/trainers/checkpoint/snapshot.h"

#include <array>
#include <string>
#include <utility>

#include "terse/base/error.h"
#include "terse/io/state_file.h"

namespace terse {
namespace {

void save_tensor(StateWriter& writer, const std::string& name, const at::Tensor& tensor) {
  if (tensor.scalar_type() != at::kFloat)
    fail("{} is not of type float32; checkpoints hold only float32 tensors.", name);
  const at::Tensor flat = tensor.detach().contiguous();
  writer.add(name,
             std::span<const float>(flat.data_ptr<float>(), static_cast<std::size_t>(flat.numel())),
             flat.sizes());
}

void load_tensor(const StateReader& reader, const std::string& name, const at::Tensor& tensor) {
  at::Tensor flat = tensor.detach();
  if (reader.dims(name) != flat.sizes().vec())
    fail("the checkpoint's {} has a different shape than the model's.", name);
  reader.read(name,
              std::span<float>(flat.data_ptr<float>(), static_cast<std::size_t>(flat.numel())));
}

}  // namespace

std::vector<std::byte> save_snapshot(const TrainingState& state, const TrainingProgress& progress) {
  StateWriter writer;
  for (const auto& item : state.model.named_parameters())
    save_tensor(writer, "parameter/" + item.key(), item.value());
  for (const auto& item : state.model.named_buffers())
    save_tensor(writer, "buffer/" + item.key(), item.value());
  const auto add = [&](const std::string& prefix) {
    return [&writer, prefix](const std::string& name, std::span<float> values) {
      writer.add(prefix + name, values);
    };
  };
  state.optimizer.visit(add("optimizer/"));
  state.compressor.visit(add("compressor/"));
  writer.add("position/counters",
             std::array<std::int64_t, 4>{progress.step, progress.epoch, progress.step_in_epoch,
                                         progress.skipped});
  writer.add("position/epoch_bytes", progress.epoch_bytes);
  writer.add("position/seconds", std::array<double, 1>{progress.seconds});
  return writer.finish();
}

TrainingProgress load_snapshot(const TrainingState& state, std::vector<std::byte> bytes) {
  const StateReader reader(std::move(bytes));
  for (const auto& item : state.model.named_parameters())
    load_tensor(reader, "parameter/" + item.key(), item.value());
  for (const auto& item : state.model.named_buffers())
    load_tensor(reader, "buffer/" + item.key(), item.value());
  const auto read = [&](const std::string& prefix) {
    return [&reader, prefix](const std::string& name, std::span<float> values) {
      reader.read(prefix + name, values);
    };
  };
  state.optimizer.visit(read("optimizer/"));
  state.compressor.visit(read("compressor/"));
  std::array<std::int64_t, 4> counters{};
  std::array<double, 1> seconds{};
  reader.read("position/counters", std::span<std::int64_t>(counters));
  reader.read("position/seconds", std::span<double>(seconds));
  state.optimizer.set_steps(counters[0] - counters[3]);
  return {counters[0], counters[1], counters[2],
          counters[3], seconds[0],  reader.read_all<double>("position/epoch_bytes")};
}

}  // namespace terse
