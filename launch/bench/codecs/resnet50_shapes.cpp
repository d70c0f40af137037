#include "terse/launch/bench/codecs/resnet50_shapes.h"

#include <fmt/format.h>

#include <algorithm>

namespace terse {
namespace {

void add_conv(std::vector<TensorShape>& shapes, const std::string& name, std::uint32_t in,
              std::uint32_t out, std::uint32_t kernel) {
  shapes.push_back({name + ".conv.weight", 4, in * out * kernel * kernel, out});
  shapes.push_back({name + ".norm.weight", 1, out, out});
  shapes.push_back({name + ".norm.bias", 1, out, out});
}

}  // namespace

std::vector<TensorShape> resnet50_shapes() {
  std::vector<TensorShape> shapes;
  add_conv(shapes, "stem", 3, 64, 7);
  constexpr std::uint32_t kBlocks[] = {3, 4, 6, 3};
  std::uint32_t channels = 64;
  for (std::uint32_t stage = 0; stage < 4; ++stage) {
    const std::uint32_t width = 64u << stage;
    for (std::uint32_t block = 0; block < kBlocks[stage]; ++block) {
      const std::string name = fmt::format("stage{}.{}", stage + 1, block);
      add_conv(shapes, name + ".reduce", channels, width, 1);
      add_conv(shapes, name + ".spatial", width, width, 3);
      add_conv(shapes, name + ".expand", width, 4 * width, 1);
      if (block == 0) add_conv(shapes, name + ".shortcut", channels, 4 * width, 1);
      channels = 4 * width;
    }
  }
  shapes.push_back({"fc.weight", 2, 2048 * 1000, 1000});
  shapes.push_back({"fc.bias", 1, 1000, 1000});
  std::reverse(shapes.begin(), shapes.end());
  return shapes;
}

}  // namespace terse
