#include "terse/trainers/loop/evaluate.h"

#include <array>

#include "terse/comm/transport/collectives.h"
#include "terse/data/loader.h"
#include "terse/trainers/loop/batch_tensors.h"
#include "terse/trainers/loop/replicas.h"

namespace terse {
namespace {
constexpr std::int64_t kBatch = 256;
}

EvalResult evaluate(Model& model, const Dataset& data, CommThread& thread, bool normalize) {
  const ScopedBufferAverage averaged(thread, model);
  const at::NoGradGuard guard;
  model.eval();
  const TestLoader loader(data, thread.rank(), thread.size(), kBatch, normalize);
  double correct = 0, loss = 0, count = 0;
  for (std::int64_t i = 0; i < loader.batches(); ++i) {
    const Batch batch = loader.at(i);
    if (batch.count == 0) continue;
    const at::Tensor logits = model.forward(images_of(batch));
    const at::Tensor labels = labels_of(batch);
    correct += static_cast<double>(logits.argmax(1).eq(labels).sum().item<std::int64_t>());
    loss += at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum).item<double>();
    count += static_cast<double>(batch.count);
  }
  model.train();
  const std::vector<double> sums = sum_values(thread, std::array{correct, loss, count});
  return {.accuracy = sums[0] / sums[2], .loss = sums[1] / sums[2]};
}

}  // namespace terse
