#include "terse/launch/bench/codecs/streams.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "terse/base/random.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/sum.h"
#include "terse/launch/bench/codecs/resnet50_shapes.h"

namespace terse {
namespace {

constexpr std::size_t kAlignment = 16;  // elements
constexpr std::size_t kGaps = 4096;

}  // namespace

Arena::Arena() {
  std::vector<std::size_t> begins;
  std::size_t total = 0;
  for (const TensorShape& shape : resnet50_shapes()) {
    Row row;
    row.layer = mix64(rows_.size());
    row.n = shape.elements;
    row.frame = 0;
    if (shape.dimensions > 1) {
      row.n0 = shape.rows;
      row.n1 = shape.elements / shape.rows;
    }
    rows_.push_back(row);
    begins.push_back(total);
    elements_ += shape.elements;
    total += round_up(shape.elements, kAlignment);
  }
  for (std::vector<float>* values : {&gradient, &residual, &velocity}) values->resize(total);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    rows_[i].grad = rows_[i].out = gradient.data() + begins[i];
    rows_[i].e_in = rows_[i].e_out = residual.data() + begins[i];
    rows_[i].u_in = rows_[i].u_out = velocity.data() + begins[i];
  }
  fill();
}

void Arena::fill() {
  for (std::size_t i = 0; i < gradient.size(); i += 4) {
    const Philox4 draw = philox(1, i, 0);
    for (std::size_t j = 0; j < 4; ++j) {
      gradient[i + j] = 0.02f * (unit_float(draw[j]) - 0.5f);
      residual[i + j] = 0.01f * (unit_float(draw[j] << 8) - 0.5f);
    }
  }
  std::fill(velocity.begin(), velocity.end(), 0.0f);
}

// The gaps between elements selected at random with the given share; few enough to stay in a cache.
MemoryMover::MemoryMover(const Streams& streams, Arena& arena) : streams_(streams), arena_(arena) {
  if (streams.scatter == 0) return;
  const RandomStream stream(1, "gaps");
  gaps_.resize(kGaps);
  for (std::size_t i = 0; i < kGaps; ++i) {
    const double gap = -std::log1p(-static_cast<double>(stream.uniform(i))) / streams.scatter;
    gaps_[i] = static_cast<std::uint16_t>(std::clamp(gap, 1.0, 65535.0));
  }
}

void MemoryMover::scatter(Arena::Range range) const {
  std::size_t at = range.begin;
  for (std::size_t i = 0; at < range.end; ++i) {
    arena_.gradient[at] += 0.5f;
    at += gaps_[i % kGaps];
  }
}

void MemoryMover::move(Arena::Range range, std::span<std::byte> payload) const {
  if (streams_.scatter > 0) return scatter(range);
  alignas(64) std::byte cached[kernels::kBlock * sizeof(float)] = {};
  std::uint32_t peak = 0;
  const auto blocks = [&](auto&& body) {
    for (std::size_t at = range.begin; at < range.end; at += kernels::kBlock)
      body(at, std::min<std::size_t>(kernels::kBlock, range.end - at));
  };
  float* const g = arena_.gradient.data();
  float* const e = arena_.residual.data();
  float* const u = arena_.velocity.data();
  for (int i = 0; i < streams_.statistics_passes; ++i) {
    blocks([&](std::size_t at, std::size_t n) {
      peak = std::max(peak, kernels::peak_of(g + at, n));
      if (streams_.residual) peak = std::max(peak, kernels::peak_of(e + at, n));
    });
  }
  blocks([&](std::size_t at, std::size_t n) {
    if (streams_.velocity) kernels::add(g + at, u + at, n);
    if (streams_.residual) kernels::add(streams_.velocity ? u + at : g + at, e + at, n);
    if (streams_.sum) kernels::scale(g + at, 1.0f, g + at, n);
    if (!streams_.velocity && !streams_.residual && !streams_.sum)
      peak = std::max(peak, kernels::peak_of(g + at, n));
    const auto part = [&](double bytes) {
      return static_cast<std::size_t>(bytes * static_cast<double>(n));
    };
    const auto place = [&](double bytes) {
      return payload.data() + static_cast<std::size_t>(bytes * static_cast<double>(at));
    };
    std::memcpy(place(streams_.out), cached, part(streams_.out));
    std::memcpy(cached, place(streams_.in), part(streams_.in));
  });
  // Uses what was read, so that the compiler cannot drop a pass.
  payload[4 * range.begin] = static_cast<std::byte>(peak ^ static_cast<unsigned>(cached[0]));
}

}  // namespace terse
