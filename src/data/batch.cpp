#include "terse/data/batch.h"

#include "terse/base/random.h"

namespace terse {

Crop draw_crop(std::uint64_t seed, std::int64_t epoch, std::int64_t sample) {
  const RandomStream stream(seed, "augment", static_cast<std::uint64_t>(epoch));
  const std::uint64_t first = 3 * static_cast<std::uint64_t>(sample);
  constexpr std::uint64_t kOffsets = 2 * Crop::kPadding + 1;
  return {static_cast<std::int64_t>(stream.below(first, kOffsets)),
          static_cast<std::int64_t>(stream.below(first + 1, kOffsets)),
          stream.below(first + 2, 2) == 1};
}

BatchBuilder::BatchBuilder(const Dataset& data, const Split& split, bool normalize)
    : split_(&split), value_(static_cast<std::size_t>(split.shape.channels)) {
  for (std::size_t channel = 0; channel < value_.size(); ++channel) {
    for (int pixel = 0; pixel < 256; ++pixel) {
      const float unit = static_cast<float>(pixel) / 255.0f;
      value_[channel][pixel] = normalize ? (unit - data.mean[channel]) / data.std[channel] : unit;
    }
  }
}

void BatchBuilder::fill(std::span<const std::int64_t> samples, std::span<const Crop> crops,
                        Batch& batch) const {
  const auto length = static_cast<std::size_t>(split_->shape.elements());
  batch.shape = split_->shape;
  batch.count = static_cast<std::int64_t>(samples.size());
  batch.images.resize(samples.size() * length);
  batch.labels.resize(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    float* to = batch.images.data() + i * length;
    batch.labels[i] = split_->labels[static_cast<std::size_t>(samples[i])];
    if (crops.empty()) {
      write(samples[i], to);
    } else {
      write(samples[i], crops[i], to);
    }
  }
}

void BatchBuilder::write(std::int64_t sample, float* to) const {
  const std::uint8_t* from = split_->image(sample).data();
  for (const auto& value : value_) {
    for (std::int64_t i = 0; i < split_->shape.plane(); ++i) *to++ = value[*from++];
  }
}

void BatchBuilder::write(std::int64_t sample, const Crop& crop, float* to) const {
  const auto [channels, height, width] = split_->shape;
  const std::uint8_t* plane = split_->image(sample).data();
  for (const auto& value : value_) {
    for (std::int64_t y = 0; y < height; ++y) {
      const std::int64_t row = y + crop.top - Crop::kPadding;
      for (std::int64_t x = 0; x < width; ++x) {
        const std::int64_t column = (crop.flip ? width - 1 - x : x) + crop.left - Crop::kPadding;
        const bool inside = row >= 0 && row < height && column >= 0 && column < width;
        *to++ = value[inside ? plane[row * width + column] : 0];
      }
    }
    plane += height * width;
  }
}

}  // namespace terse
