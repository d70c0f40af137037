// The messages that tests write and read back, and tensors for them.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "terse/base/random.h"
#include "terse/launch/tools/files/message_file.h"

namespace terse::test {

struct Case {
  CodecOptions options;
  float level = 0;

  const CodecInfo& info() const { return codec_info(options.name); }
  std::string name() const { return fmt::format("{}_{}", options.name, level); }
};

inline float usual_level(const CodecInfo& info) {
  if (info.level == Level::bits) return 4;
  if (info.level == Level::density) return 0.05f;
  return info.level == Level::rank ? 3 : 0;
}

// Every codec of the registry, and other payloads that they can have.
inline std::vector<Case> cases() {
  std::vector<Case> all;
  for (const CodecInfo& info : codecs())
    all.push_back({{.name = std::string(info.name)}, usual_level(info)});
  for (const float bits : {1.0f, 3.0f, 8.0f})
    all.push_back({{.name = "maxmin", .bucket = 100, .stochastic = bits == 3}, bits});
  for (const float bits : {2.0f, 3.0f, 8.0f}) {
    all.push_back({{.name = "qsgd", .bucket = 100, .max_norm = bits == 3}, bits});
    all.push_back({{.name = "nuqsgd", .bucket = 100}, bits});
  }
  for (const std::uint32_t block : {32u, 33u, 128u}) {
    all.push_back({{.name = "fp8", .block = block}});
    all.push_back({{.name = "fp8_e5m2", .block = block}});
  }
  all.push_back({{.name = "terngrad", .clip = 0}});
  for (const float ranks : {1.0f, 2.0f, 3.0f, 127.0f, 128.0f, 32767.0f})
    all.push_back({{.name = "terngrad"}, ranks});
  for (const float density : {0.00004f, 0.001f, 0.02f, 0.5f, 1.0f})
    all.push_back({{.name = "topk"}, density});
  for (const char* values :
       {"fp16", "bf16", "fp8", "fp8_e5m2", "maxmin1", "maxmin4", "qsgd4", "nuqsgd3", "natural"})
    all.push_back({{.name = "topk", .bucket = 100, .block = 32, .values = values}, 0.1f});
  all.push_back({{.name = "dgc", .sample_ratio = 0.5, .values = "maxmin8"}, 0.3f});
  all.push_back({{.name = "threshold", .threshold = 1}, 0.3f});  // nothing is sent
  all.push_back({{.name = "randomk", .unbiased = true, .values = "maxmin3"}, 0.3f});
  all.push_back({{.name = "powersgd"}, 1});
  all.push_back({{.name = "powersgd", .alternating = true}, 100});
  return all;
}

using Shape = std::vector<std::uint32_t>;

// One element; one more than a bucket, a block, a piece and a chunk; the last one is all zeros.
inline std::vector<Shape> shapes(const CodecInfo& info) {
  std::vector<Shape> all{{1, 1}, {5, 13}, {17, 241}, {65'537, 1}, {2, 3, 5, 7}};
  if (info.level != Level::rank) all.insert(all.begin(), {101});
  return all;
}

inline Tensor noise(Shape shape, float size = 0.01f) {
  std::uint32_t n = 1;
  for (const std::uint32_t side : shape) n *= side;
  const RandomStream stream(9, "tensor");
  Tensor tensor{.name = "layer.weight", .shape = std::move(shape), .values = {}};
  for (std::uint32_t i = 0; i < n; ++i)
    tensor.values.push_back(i % 11 == 3 ? -0.0f : stream.normal(i) * size);
  tensor.values.back() = 8 * size;  // the largest: the second chunk is never empty
  return tensor;
}

inline Tensor tensor_for(const Case& one, const Shape& shape) {
  if (shape.size() > 2) return noise(shape, 0);
  if (one.info().level != Level::none || one.level == 0) return noise(shape);
  Tensor tensor = noise(shape, one.level / 2);
  for (float& value : tensor.values) value = std::clamp(std::round(value), -one.level, one.level);
  return tensor;
}

// A rank is that of the matrix at most.
inline MessageNote note_of(const Tensor& tensor, const Case& one) {
  float level = one.level;
  if (one.info().level == Level::rank) {
    const std::size_t rows = tensor.shape.front(), columns = tensor.values.size() / rows;
    level = std::min(level, static_cast<float>(std::min(rows, columns)));
  }
  return {.codec = one.options,
          .level = level,
          .layer = "a layer.weight",
          .shape = tensor.shape,
          .key = {.seed = 3, .step = 77, .rank = 2}};
}

}  // namespace terse::test
