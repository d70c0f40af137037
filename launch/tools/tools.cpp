#include "terse/launch/tools/tools.h"

#include <fmt/format.h>

#include <array>

#include "terse/base/error.h"
#include "terse/config/arguments.h"

namespace terse {

bool only_help(std::span<const std::string> args, const std::string& text) {
  const std::array<Switch, 1> switches = {{{"help", "", "print this text"}}};
  const Arguments arguments = parse_arguments(args, switches);
  if (!arguments.positional.empty())
    fail<JobError>("'{}' is not expected: {}.", arguments.positional.front(), text);
  if (!arguments.has("help")) return false;
  fmt::print("{}\n", text);
  return true;
}

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
