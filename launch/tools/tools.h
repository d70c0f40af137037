// Commands that need neither LibTorch nor a world: encode, decode, codecs, converge.
#pragma once

#include <optional>
#include <span>
#include <string>

namespace terse {

// Returns the command's exit code, or nothing where the first argument is none of these commands.
// Throws JobError for wrong arguments, Error where a file cannot be read or written.
std::optional<int> run_tool(std::span<const std::string> args);

// For a command that takes only --help: returns whether it is there, having printed `text`.
bool only_help(std::span<const std::string> args, const std::string& text);

int encode_command(std::span<const std::string> args);
int decode_command(std::span<const std::string> args);
int codecs_command(std::span<const std::string> args);
int converge_command(std::span<const std::string> args);

}  // namespace terse
