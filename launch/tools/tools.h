// Commands that need neither LibTorch nor a world: encode, decode, codecs, converge.
#pragma once

#include <optional>
#include <span>
#include <string>

namespace terse {

// The command's exit code; nothing, if the first word names none of these. Throws JobError for
// wrong words, Error where a file cannot be read or written.
std::optional<int> run_tool(std::span<const std::string> args);

int encode_command(std::span<const std::string> args);
int decode_command(std::span<const std::string> args);
int codecs_command(std::span<const std::string> args);
int converge_command(std::span<const std::string> args);

}  // namespace terse
