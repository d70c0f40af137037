// Commands that need neither LibTorch nor a world: encode, decode, codecs, converge.
#pragma once

#include <optional>
#include <span>
#include <string>

namespace terse {

// The command's exit code; nothing, if the first word names none of these. Throws JobError for
// wrong words, Error where a file cannot be read or written.
std::optional<int> run_tool(std::span<const std::string> words);

int encode_command(std::span<const std::string> words);
int decode_command(std::span<const std::string> words);
int codecs_command(std::span<const std::string> words);
int converge_command(std::span<const std::string> words);

}  // namespace terse
