#include "terse/data/dataset.h"

#include <algorithm>
#include <cmath>

#include "terse/base/error.h"
#include "terse/base/hash.h"
#include "terse/data/formats.h"

namespace terse {
namespace {

// Integer sums are exact, so the result does not depend on the order.
void compute_mean_and_std(Dataset& data) {
  const Shape& shape = data.train.shape;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    std::uint64_t sum = 0, squares = 0;
    for (std::int64_t image = 0; image < data.train.size(); ++image) {
      for (const std::uint64_t pixel :
           data.train.image(image).subspan(channel * shape.plane(), shape.plane())) {
        sum += pixel;
        squares += pixel * pixel;
      }
    }
    const double count =
        static_cast<double>(data.train.size()) * static_cast<double>(shape.plane());
    const double mean = static_cast<double>(sum) / count;
    const double variance = std::max(0.0, static_cast<double>(squares) / count - mean * mean);
    data.mean.push_back(static_cast<float>(mean / 255));
    data.std.push_back(variance > 0 ? static_cast<float>(std::sqrt(variance) / 255) : 1.0f);
  }
}

std::uint64_t fingerprint_of(const Dataset& data) {
  std::uint64_t hash = static_cast<std::uint64_t>(data.classes);
  for (const Split* split : {&data.train, &data.test}) {
    const std::int64_t sizes[] = {split->size(), split->shape.channels, split->shape.height,
                                  split->shape.width};
    hash = hash64(std::as_bytes(std::span(sizes)), hash);
    hash = hash64(std::as_bytes(std::span(split->pixels)), hash);
    hash = hash64(std::as_bytes(std::span(split->labels)), hash);
  }
  return hash;
}

Dataset read(std::string_view kind, const std::filesystem::path& path) {
  if (kind == "idx") return formats::read_idx(path);
  if (kind == "cifar10") return formats::read_cifar10(path);
  if (kind == "hdf5") return formats::read_hdf5(path);
  fail<JobError>("data.kind is '{}'; allowed are idx, cifar10 and hdf5.", kind);
}

}  // namespace

Dataset load_dataset(std::string_view kind, const std::filesystem::path& path, std::int64_t limit) {
  Dataset data = read(kind, path);
  if (limit > 0 && limit < data.train.size()) {
    data.train.labels.resize(static_cast<std::size_t>(limit));
    data.train.pixels.resize(static_cast<std::size_t>(limit * data.train.shape.elements()));
  }
  compute_mean_and_std(data);
  data.fingerprint = fingerprint_of(data);
  return data;
}

}  // namespace terse
