// Data-parallel training of a LibTorch model with compressed gradients: mpirun -np 4 example
#include <terse/comm/torch/gradient_reducer.h>
#include <terse/comm/transport/comm_thread.h>
#include <terse/comm/transport/mpi/mpi_world.h>
#include <torch/torch.h>

#include <cstdio>

int main() try {
  terse::CommThread thread([] { return terse::make_mpi_world({}); });
  // Ranks draw different data. GradientReducer broadcasts rank 0's initial weights.
  torch::manual_seed(thread.rank());
  torch::nn::Sequential model(torch::nn::Linear(64, 256), torch::nn::ReLU(),
                              torch::nn::Linear(256, 1));
  torch::optim::SGD optimizer(model->parameters(), 0.02);
  const terse::CompressionOptions topk{.codec = {.name = "topk"}, .density = 0.05};
  terse::GradientReducer reducer(*model, thread, {.compression = topk});

  for (int step = 0; step <= 200; ++step) {
    const at::Tensor x = torch::randn({32, 64});
    const at::Tensor y = x.narrow(1, 0, 8).sum(1, true);
    reducer.prepare();  // instead of zero_grad()
    const at::Tensor loss = torch::mse_loss(model->forward(x), y);
    loss.backward();                                // sends gradients meanwhile
    const auto sent = reducer.finish().bytes_sent;  // every .grad() is the mean over all ranks
    optimizer.step();
    if (thread.rank() == 0 && step % 50 == 0) {
      std::printf("step %3d: loss %.4f, %zu bytes sent\n", step, loss.item<double>(), sent);
    }
  }

  const at::Tensor mine = torch::nn::utils::parameters_to_vector(model->parameters());
  thread.call([&](terse::Communicator& communicator) {
    const auto bytes = std::as_bytes(std::span(mine.data_ptr<float>(), mine.numel()));
    for (const auto& theirs : terse::all_gather(communicator, bytes)) {
      if (!std::ranges::equal(theirs, bytes)) terse::fail("the replicas differ");
    }
  });
  if (thread.rank() == 0) std::printf("%d replicas agree\n", thread.size());
} catch (const std::exception& error) {
  std::fprintf(stderr, "example: %s\n", error.what());
  return 1;
}
