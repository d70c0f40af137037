#include "terse/tools/tools.h"

namespace terse {

std::optional<int> run_tool(std::span<const std::string> words) {
  if (words.empty()) return std::nullopt;
  const auto rest = words.subspan(1);
  if (words[0] == "encode") return encode_command(rest);
  if (words[0] == "decode") return decode_command(rest);
  if (words[0] == "codecs") return codecs_command(rest);
  if (words[0] == "converge") return converge_command(rest);
  return std::nullopt;
}

}  // namespace terse
