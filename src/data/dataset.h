// Labeled images in memory, and readers of common formats. A reader validates everything that a
// file says about itself: anything missing, truncated, damaged or contradictory is an error that
// names the file, and the reader allocates no more memory than the stored bytes justify.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace terse {

struct Shape {
  std::int64_t channels = 0, height = 0, width = 0;

  std::int64_t plane() const { return height * width; }
  std::int64_t elements() const { return channels * plane(); }
  friend bool operator==(const Shape&, const Shape&) = default;
};

struct Split {
  Shape shape;                       // of one image
  std::vector<std::uint8_t> pixels;  // [size, channels, height, width], row by row
  std::vector<std::int64_t> labels;  // [size], each in 0 .. classes - 1

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  std::span<const std::uint8_t> image(std::int64_t index) const {
    const auto length = static_cast<std::size_t>(shape.elements());
    return std::span(pixels).subspan(static_cast<std::size_t>(index) * length, length);
  }
};

// Immutable once loaded, so all ranks of a process can share one.
struct Dataset {
  std::string name;
  std::int64_t classes = 0;
  Split train, test;  // of equal shape, neither empty
  // Per channel over the training images, on the scale 0 .. 1; std is never 0.
  std::vector<float> mean, std;
  // A hash of shapes, pixels and labels: equal on two ranks that read the same data.
  std::uint64_t fingerprint = 0;
};

// `kind` says what `path` is:
//   idx      a folder with MNIST's four files, plain or gzipped, `-idx` or `.idx` in their names
//   cifar10  a folder with CIFAR-10's binary version (data_batch_1..5.bin, test_batch.bin), or the
//            folder above it
//   hdf5     one file with train/images and test/images (uint8, [n, height, width] or
//            [n, channels, height, width]), train/labels and test/labels (integers, [n])
// There are 10 classes for cifar10, otherwise one more than the largest training label. Keeps only
// the first `limit` training images; 0: all. Throws JobError if the kind is unknown or the path
// does not exist, Error if a file is invalid.
Dataset load_dataset(std::string_view kind, const std::filesystem::path& path,
                     std::int64_t limit = 0);

}  // namespace terse
