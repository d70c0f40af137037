#include "terse/bench/streams.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "terse/base/random.h"
#include "terse/bench/resnet50_shapes.h"
#include "terse/compressors/kernels/dispatch.h"
#include "terse/compressors/kernels/fold.h"
#include "terse/compressors/kernels/sum.h"

namespace terse {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kAlignment = 16;  // elements

}  // namespace

Arena::Arena() {
  std::vector<std::size_t> begins;
  std::size_t total = 0;
  for (const TensorShape& shape : resnet50_shapes()) {
    Row row;
    row.layer = mix64(rows_.size());
    row.n = shape.elements;
    row.frame = 0;
    row.slot = static_cast<std::uint32_t>(rows_.size());
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

namespace {

// Adds to that share of the gradient, at places that are as far apart as chance puts them.
double scatter(double share, Arena& arena) {
  const std::size_t period = 4096;  // of places, which stay in a cache
  std::vector<std::uint16_t> gaps(period);
  const RandomStream stream(1, "gaps");
  for (std::size_t i = 0; i < period; ++i) {
    const double gap = -std::log1p(-static_cast<double>(stream.uniform(i))) / share;
    gaps[i] = static_cast<std::uint16_t>(std::clamp(gap, 1.0, 65535.0));
  }
  const Clock::time_point begin = Clock::now();
  std::size_t at = 0;
  for (std::size_t i = 0; at < arena.gradient.size(); ++i) {
    arena.gradient[at] += 0.5f;
    at += gaps[i % period];
  }
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

double move_streams(const Streams& streams, Arena& arena, std::vector<std::byte>& payload) {
  if (streams.scatter > 0) return scatter(streams.scatter, arena);
  alignas(64) std::byte cached[kernels::kBlock * sizeof(float)] = {};
  const Clock::time_point begin = Clock::now();
  std::uint32_t peak = 0;
  const auto blocks = [&](auto&& body) {
    for (std::size_t at = 0; at < arena.gradient.size(); at += kernels::kBlock)
      body(at, std::min<std::size_t>(kernels::kBlock, arena.gradient.size() - at));
  };
  float* const g = arena.gradient.data();
  float* const e = arena.residual.data();
  float* const u = arena.velocity.data();
  for (int i = 0; i < streams.surveys; ++i) {
    blocks([&](std::size_t at, std::size_t n) {
      peak = std::max(peak, kernels::peak_of(g + at, n));
      if (streams.residual) peak = std::max(peak, kernels::peak_of(e + at, n));
    });
  }
  blocks([&](std::size_t at, std::size_t n) {
    if (streams.velocity) kernels::add(g + at, u + at, n);
    if (streams.residual) kernels::add(streams.velocity ? u + at : g + at, e + at, n);
    if (streams.sum) kernels::scale(g + at, 1.0f, g + at, n);
    if (!streams.velocity && !streams.residual && !streams.sum)
      peak = std::max(peak, kernels::peak_of(g + at, n));
    const auto part = [&](double bytes) {
      return static_cast<std::size_t>(bytes * static_cast<double>(n));
    };
    const auto place = [&](double bytes) {
      return payload.data() + static_cast<std::size_t>(bytes * static_cast<double>(at));
    };
    std::memcpy(place(streams.out), cached, part(streams.out));
    std::memcpy(cached, place(streams.in), part(streams.in));
  });
  const std::chrono::duration<double> took = Clock::now() - begin;
  // What was read is used, so that no pass can be left out.
  payload.back() = static_cast<std::byte>(peak ^ static_cast<unsigned>(cached[0]));
  return took.count();
}

}  // namespace terse
