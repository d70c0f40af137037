// Reads and writes whole files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "terse/base/bytes.h"

namespace terse {

// Atomic: writes a temporary file in the same folder, syncs it to the disk and renames it to
// `path`. Throws Error naming the path and the system's reason (disk full, no permission, ...) and
// leaves an existing file unchanged.
void write_atomic(const std::filesystem::path& path, ConstBytes bytes);
void write_atomic(const std::filesystem::path& path, std::string_view text);

// Throws Error naming the path and the reason.
std::vector<std::byte> read_bytes(const std::filesystem::path& path);
std::string read_text(const std::filesystem::path& path);

// Creates `dir` if necessary. Throws Error unless a file can be written in it and `wanted_bytes`
// are free.
void check_writable(const std::filesystem::path& dir, std::size_t wanted_bytes);

}  // namespace terse
