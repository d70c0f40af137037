#include "terse/base/float_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "terse/base/bytes.h"

namespace terse {
namespace {
constexpr std::size_t kAlignment = 64;
}

void FloatBuffer::Free::operator()(float* data) const { std::free(data); }

FloatBuffer::FloatBuffer(std::size_t size) : size_(size) {
  const std::size_t bytes = round_up(std::max<std::size_t>(size, 1) * sizeof(float), kAlignment);
  auto* data = static_cast<float*>(std::aligned_alloc(kAlignment, bytes));
  if (data == nullptr) throw std::bad_alloc();
  data_.reset(data);
  std::fill_n(data, bytes / sizeof(float), 0.0f);
}

}  // namespace terse
