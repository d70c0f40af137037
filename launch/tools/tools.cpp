#include "terse/launch/tools/tools.h"

namespace terse {

std::optional<int> run_tool(std::span<const std::string> args) {
  if (args.empty()) return std::nullopt;
  const auto rest = args.subspan(1);
  if (args[0] == "encode") return encode_command(rest);
  if (args[0] == "decode") return decode_command(rest);
  if (args[0] == "codecs") return codecs_command(rest);
  if (args[0] == "converge") return converge_command(rest);
  return std::nullopt;
}

}  // namespace terse
