#include "terse/tools/tensor_file.h"

#include "terse/base/error.h"
#include "terse/base/file.h"

namespace terse {
namespace {

enum class Format { npy, safetensors, hdf5 };

Format format_of(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".npy") return Format::npy;
  if (extension == ".safetensors") return Format::safetensors;
  if (extension == ".h5" || extension == ".hdf5") return Format::hdf5;
  fail<JobError>("{} is no tensor file: it ends in .npy, .safetensors, .h5 or .hdf5.",
                 path.string());
}

}  // namespace

std::uint32_t elements_of(const std::vector<std::uint64_t>& shape, const std::string& where) {
  constexpr std::uint64_t kMost = (std::uint64_t{1} << 31) - 1;
  if (shape.empty()) fail<JobError>("{} is a single number; only tensors are encoded.", where);
  if (shape.size() > 8) fail<JobError>("{} has {} dimensions; at most 8 are.", where, shape.size());
  std::uint64_t n = 1;
  for (const std::uint64_t size : shape) {
    if (size == 0) fail<JobError>("{} is empty.", where);
    if (size > kMost / n) fail<JobError>("{} has 2^31 elements or more.", where);
    n *= size;
  }
  return static_cast<std::uint32_t>(n);
}

Tensor read_tensor(const std::filesystem::path& path, const std::string& name) {
  switch (format_of(path)) {
    case Format::npy:
      return tensor_format::from_npy(read_bytes(path), path.string());
    case Format::safetensors:
      return tensor_format::from_safetensors(read_bytes(path), name, path.string());
    case Format::hdf5:
      break;
  }
  return tensor_format::from_hdf5(path, name);
}

void require_tensor_name(const std::filesystem::path& path) { format_of(path); }

void write_tensor(const std::filesystem::path& path, const Tensor& tensor) {
  switch (format_of(path)) {
    case Format::npy:
      return write_beside(path, tensor_format::to_npy(tensor));
    case Format::safetensors:
      return write_beside(path, tensor_format::to_safetensors(tensor));
    case Format::hdf5:
      return write_beside(path, tensor_format::to_hdf5(tensor));
  }
}

}  // namespace terse
