// Whole files, never half-written: bytes go beside the target, are flushed to the disk, and take
// its name in one step.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "terse/base/bytes.h"

namespace terse {

// Throws Error naming the path and the system's reason (disk full, no permission, ...); then
// nothing of the new file is left.
void write_atomic(const std::filesystem::path& path, ConstBytes bytes);
void write_atomic(const std::filesystem::path& path, std::string_view text);

// Throws Error naming the path and the reason.
std::vector<std::byte> read_bytes(const std::filesystem::path& path);
std::string read_text(const std::filesystem::path& path);

// Throws Error unless `dir` exists (it is made if need be), a file can be written in it and
// `wanted_bytes` are free.
void require_writable(const std::filesystem::path& dir, std::size_t wanted_bytes);

}  // namespace terse
