#include "terse/config/arguments.h"

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <charconv>
#include <set>

#include "terse/base/error.h"
#include "terse/config/table.h"
#include "terse/config/text/ini.h"
#include "terse/config/text/nearest.h"

namespace terse {
namespace {

namespace po = boost::program_options;

std::string without_dashes(const std::string& name) {
  const auto first = name.find_first_not_of('-');
  return first == std::string::npos ? name : name.substr(first, name.find('=') - first);
}

bool is_known(const std::string& name, const OptionTable& table, std::span<const Switch> switches) {
  const auto named = [&](const Switch& one) { return one.name == name; };
  return table.contains(name) || std::any_of(switches.begin(), switches.end(), named);
}

[[noreturn]] void fail_unknown(const std::string& name, const OptionTable& table,
                               std::span<const Switch> switches) {
  std::vector<std::string> known = table.keys();
  for (const Switch& one : switches) known.push_back(one.name);
  const std::string nearest = nearest_key(name, known);
  const std::string allowed =
      table.contains(nearest) ? fmt::format(" ({})", table.field(nearest).allowed()) : "";
  fail<JobError>("{}: there is no --{}; the nearest is --{}{}.", kCommandLine, printable(name),
                 nearest, allowed);
}

[[noreturn]] void fail_valueless(const std::string& name, const OptionTable& table) {
  const std::string takes =
      table.contains(name) ? fmt::format("; it must be {}", table.field(name).allowed()) : "";
  fail<JobError>("{}: --{} has no value{}.", kCommandLine, name, takes);
}

std::vector<po::option> split(std::span<const std::string> arguments,
                              const po::options_description& known, const OptionTable& table,
                              std::span<const Switch> switches) {
  namespace style = po::command_line_style;
  try {
    return po::command_line_parser(std::vector<std::string>(arguments.begin(), arguments.end()))
        .options(known)
        .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next)
        .allow_unregistered()
        .run()
        .options;
  } catch (const po::invalid_command_line_syntax& error) {
    const std::string name = without_dashes(error.get_option_name());
    if (!is_known(name, table, switches)) fail_unknown(name, table, switches);
    if (error.kind() == po::invalid_syntax::extra_parameter) {
      fail<JobError>("{}: --{} takes no value.", kCommandLine, name);
    }
    fail_valueless(name, table);
  } catch (const po::error& error) {
    fail<JobError>("{}: {}; write --section.key value.", kCommandLine, printable(error.what()));
  }
}

}  // namespace

Arguments parse_arguments(std::span<const std::string> arguments,
                          std::span<const Switch> switches) {
  Job job;
  const OptionTable table(job);
  po::options_description known;
  known.add(table.description());
  for (const Switch& one : switches) {
    if (one.argument.empty()) {
      known.add_options()(one.name.c_str(), one.meaning.c_str());
    } else {
      known.add_options()(one.name.c_str(), po::value<std::string>(), one.meaning.c_str());
    }
  }

  Arguments result;
  std::set<std::string> seen;
  for (const po::option& option : split(arguments, known, table, switches)) {
    if (option.position_key != -1) {
      result.positional.insert(result.positional.end(), option.value.begin(), option.value.end());
      continue;
    }
    const std::string& name = option.string_key;
    if (option.unregistered || !is_known(name, table, switches))
      fail_unknown(name, table, switches);
    if (!seen.insert(name).second) fail<JobError>("{}: --{} is given twice.", kCommandLine, name);
    const bool from_next_argument = option.original_tokens.size() > 1;
    const std::string value = option.value.empty() ? "" : option.value.front();
    if (from_next_argument && value.starts_with("--")) fail_valueless(name, table);
    if (table.contains(name)) {
      result.overrides.push_back(fmt::format("--{}={}", name, value));
    } else {
      result.switches.emplace(name, value);
    }
  }
  return result;
}

int count_of(const Arguments& arguments, const std::string& name, int otherwise) {
  const auto found = arguments.switches.find(name);
  if (found == arguments.switches.end()) return otherwise;
  int value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [stop, error] = std::from_chars(found->second.data(), end, value);
  if (error != std::errc{} || stop != end || value < 1)
    fail<JobError>("--{} is '{}'; it must be a whole number from 1.", name, found->second);
  return value;
}

std::string help_text(std::span<const Switch> switches) {
  std::string text;
  for (const Switch& one : switches) {
    const std::string usage = fmt::format("--{} {}", one.name, one.argument);
    text += fmt::format("  {:<30} {}\n", usage, one.meaning);
  }
  return text;
}

}  // namespace terse
