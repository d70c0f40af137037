#include "terse/trainers/loop/replicas.h"

#include "terse/base/bytes.h"
#include "terse/base/error.h"
#include "terse/base/hash.h"
#include "terse/base/random.h"

namespace terse {
namespace {

struct NamedHash {
  std::string name;
  std::uint64_t hash;
};

std::vector<NamedHash> layer_hashes(const torch::nn::Module& module) {
  std::vector<NamedHash> hashes;
  for (const auto& item : module.named_parameters()) {
    const at::Tensor value = item.value().detach().contiguous();
    hashes.push_back({item.key(), hash64(ConstBytes(static_cast<const std::byte*>(value.data_ptr()),
                                                    value.nbytes()))});
  }
  return hashes;
}

}  // namespace

std::uint64_t parameter_hash(const torch::nn::Module& module) {
  std::uint64_t sum = 0;
  for (const NamedHash& layer : layer_hashes(module))
    sum = combine(sum, hash64(layer.name), layer.hash);
  return sum;
}

void check_replicas(CommThread& thread, const torch::nn::Module& module, std::int64_t step) {
  const std::vector<NamedHash> mine = layer_hashes(module);
  std::vector<std::uint64_t> hashes;
  for (const NamedHash& layer : mine) hashes.push_back(layer.hash);
  std::vector<std::vector<std::byte>> all;
  thread.call([&](Communicator& communicator) {
    all = all_gather(communicator, std::as_bytes(std::span(std::as_const(hashes))));
  });
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    for (std::size_t i = 0; i < mine.size(); ++i) {
      if (load<std::uint64_t>(all[rank].data() + 8 * i) ==
          load<std::uint64_t>(all[0].data() + 8 * i))
        continue;
      fail_together(
          "after step {}, layer {} of rank {} differs from rank 0's: the replicas have diverged. "
          "The "
          "machines compute differently (another CPU or library), or memory was corrupted; resume "
          "from an earlier checkpoint.",
          step, mine[i].name, rank);
    }
  }
}

BufferBackup::BufferBackup(const torch::nn::Module& module) {
  const at::NoGradGuard guard;
  for (const auto& item : module.named_buffers()) {
    if (item.value().scalar_type() != at::kFloat) continue;
    buffers_.push_back(item.value());
    copies_.push_back(item.value().clone());
  }
}

void BufferBackup::restore() const {
  const at::NoGradGuard guard;
  for (std::size_t i = 0; i < buffers_.size(); ++i) buffers_[i].copy_(copies_[i]);
}

ScopedBufferAverage::ScopedBufferAverage(CommThread& thread, const torch::nn::Module& module)
    : own_(module) {
  const at::NoGradGuard guard;
  if (own_.buffers().empty() || thread.size() == 1) return;
  std::vector<float> mine;
  for (const at::Tensor& buffer : own_.buffers()) {
    const at::Tensor flat = buffer.contiguous();
    mine.insert(mine.end(), flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
  }
  std::vector<float> mean(mine.size(), 0.0f);
  thread.call([&](Communicator& communicator) {
    for (const auto& bytes :
         all_gather(communicator, std::as_bytes(std::span(std::as_const(mine))))) {
      for (std::size_t i = 0; i < mean.size(); ++i)
        mean[i] += load<float>(bytes.data() + sizeof(float) * i);
    }
  });
  std::size_t at = 0;
  const float world = static_cast<float>(thread.size());
  for (const at::Tensor& buffer : own_.buffers()) {
    float* to = buffer.data_ptr<float>();
    for (std::int64_t i = 0; i < buffer.numel(); ++i) to[i] = mean[at++] / world;
  }
}

}  // namespace terse
