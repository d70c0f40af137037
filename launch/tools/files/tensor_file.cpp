#include "terse/launch/tools/files/tensor_file.h"

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
  fail<JobError>("{} is not a tensor file, which ends in .npy, .safetensors, .h5 or .hdf5.",
                 path.string());
}

}  // namespace

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
      return write_atomic(path, tensor_format::to_npy(tensor));
    case Format::safetensors:
      return write_atomic(path, tensor_format::to_safetensors(tensor));
    case Format::hdf5:
      return write_atomic(path, tensor_format::to_hdf5(tensor));
  }
}

}  // namespace terse
