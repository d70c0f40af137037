// Batches of images as a model's input.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <vector>

#include "terse/data/dataset.h"

namespace terse {

// The alignment of a buffer determines the last bits of some matrix kernels; a fixed alignment of
// 64 bytes makes runs reproducible.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};

  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), kAlignment));
  }
  void deallocate(T* at, std::size_t) { ::operator delete(at, kAlignment); }
  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
};

using AlignedFloats = std::vector<float, AlignedAllocator<float>>;

// One rank's micro-batch. N ranks compute the same as one rank with the large batch if each scales
// its summed loss by world / global_count and gradients are averaged over ranks.
struct Batch {
  AlignedFloats images;              // [count, channels, height, width], 64-byte aligned
  std::vector<std::int64_t> labels;  // [count]
  Shape shape;                       // of one image
  std::int64_t count = 0;            // may be 0 in the last step of an epoch
  std::int64_t global_count = 0;     // of the whole step: all ranks, all micro-batches
  std::int64_t epoch = 0, step_in_epoch = 0, micro = 0;
  bool last_of_step = true;  // the micro-batch after which gradients are exchanged
};

// The window of a crop-and-flip: `top` and `left` count from the corner of the image padded by
// kPadding black pixels.
struct Crop {
  static constexpr std::int64_t kPadding = 4;
  std::int64_t top = kPadding, left = kPadding;
  bool flip = false;
};

// A sample's crop in one epoch: a function of the seed, the epoch and the sample alone.
Crop draw_crop(std::uint64_t seed, std::int64_t epoch, std::int64_t sample);

// Builds batches from the images of a split. Converts pixels to floats: x / 255 and, if
// `normalize`, then (x - mean) / std of the channel. Refers to the data set, which must outlive it.
// Safe to use from several threads.
class BatchBuilder {
 public:
  BatchBuilder(const Dataset& data, const Split& split, bool normalize);

  // Sets the batch's shape, count, images and labels. `crops` is empty or has one entry per sample;
  // padding is black before normalization, as in torchvision's RandomCrop(size, padding=4).
  void fill(std::span<const std::int64_t> samples, std::span<const Crop> crops, Batch& batch) const;

 private:
  void write(std::int64_t sample, float* to) const;
  void write(std::int64_t sample, const Crop& crop, float* to) const;

  const Split* split_;
  std::vector<std::array<float, 256>> value_;  // [channel][pixel]
};

}  // namespace terse
