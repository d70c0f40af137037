// Tensors of fp32 in files that other programs read and write: NumPy's .npy, .safetensors, and a
// dataset of an HDF5 file (.h5, .hdf5). The path's extension says which.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace terse {

struct Tensor {
  std::string name;                  // in a .safetensors or HDF5 file
  std::vector<std::uint32_t> shape;  // one to eight dimensions
  std::vector<float> values;         // row-major, at least one, fewer than 2^31
};

// `name` is the tensor or dataset wanted; empty: the file holds one alone. Throws JobError for a
// tensor that cannot be encoded (0-D, empty, not fp32, not row-major) and Error for a file that
// cannot be read or contradicts itself.
Tensor read_tensor(const std::filesystem::path& path, const std::string& name);
void write_tensor(const std::filesystem::path& path, const Tensor& tensor);
// Throws JobError where the name is none of a tensor file.
void require_tensor_name(const std::filesystem::path& path);

// The number of elements. Throws JobError unless it lies in Tensor's bounds; `where` begins the
// sentence.
std::uint32_t elements_of(const std::vector<std::uint64_t>& shape, const std::string& where);

// The formats, for tensor_file.cpp alone.
namespace tensor_format {
Tensor from_npy(const std::vector<std::byte>& file, const std::string& where);
std::vector<std::byte> to_npy(const Tensor& tensor);
Tensor from_safetensors(const std::vector<std::byte>& file, const std::string& name,
                        const std::string& where);
std::vector<std::byte> to_safetensors(const Tensor& tensor);
Tensor from_hdf5(const std::filesystem::path& path, const std::string& name);
std::vector<std::byte> to_hdf5(const Tensor& tensor);
}  // namespace tensor_format

}  // namespace terse
