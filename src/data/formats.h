// The readers behind load_dataset() and their common checks. Private to this folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "terse/data/dataset.h"

namespace terse::formats {

// Each sets everything but mean, std and fingerprint, and throws as load_dataset() does.
Dataset read_idx(const std::filesystem::path& folder);
Dataset read_cifar10(const std::filesystem::path& folder);
Dataset read_hdf5(const std::filesystem::path& file);

// The product of the factors, or nothing if it does not fit into 63 bits.
std::optional<std::int64_t> product(std::span<const std::uint64_t> factors);

// The size of a regular file in bytes. Throws JobError if there is none.
std::uintmax_t size_in_bytes(const std::filesystem::path& file);

// One more than the largest label. Throws Error, with `where` naming the file, if a label cannot be
// a class.
std::int64_t count_classes(std::span<const std::int64_t> labels, const std::string& where);

// Throws Error, with `where` naming the file, at the first label outside 0 .. classes - 1.
void check_labels(std::span<const std::int64_t> labels, std::int64_t classes,
                  const std::string& where);

// Throws Error, with `where` naming folder or file, unless test images have the training images'
// shape.
void check_equal_shapes(const Dataset& data, const std::string& where);

}  // namespace terse::formats
