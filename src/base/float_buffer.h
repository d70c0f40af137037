// Aligned memory for the floats of SIMD kernels.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace terse {

// 64-byte aligned, zero-initialized. Move-only.
class FloatBuffer {
 public:
  explicit FloatBuffer(std::size_t size);
  std::span<float> values() const { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(float* data) const;
  };
  std::size_t size_;
  std::unique_ptr<float[], Free> data_;
};

}  // namespace terse
