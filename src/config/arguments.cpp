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

class Parser {
 public:
  Parser(std::span<const Switch> switches, bool takes_job_keys)
      : switches_(switches), takes_job_keys_(takes_job_keys) {
    known_.add(table_.description());
    for (const Switch& one : switches) {
      if (one.argument.empty()) {
        known_.add_options()(one.name.c_str(), one.meaning.c_str());
      } else {
        known_.add_options()(one.name.c_str(), po::value<std::string>(), one.meaning.c_str());
      }
    }
  }

  Arguments parse(std::span<const std::string> arguments) const {
    Arguments result;
    std::set<std::string> seen;
    for (const po::option& option : split(arguments)) {
      if (option.position_key != -1) {
        result.positional.insert(result.positional.end(), option.value.begin(), option.value.end());
        continue;
      }
      const std::string& name = option.string_key;
      require_known(name);
      if (!seen.insert(name).second) fail<JobError>("{}: --{} is given twice.", kCommandLine, name);
      const bool from_next_argument = option.original_tokens.size() > 1;
      const std::string value = option.value.empty() ? "" : option.value.front();
      if (from_next_argument && value.starts_with("--")) fail_without_value(name);
      if (table_.contains(name)) {
        result.overrides.push_back(fmt::format("--{}={}", name, value));
      } else {
        result.switches.emplace(name, value);
      }
    }
    return result;
  }

 private:
  std::vector<po::option> split(std::span<const std::string> arguments) const {
    namespace style = po::command_line_style;
    try {
      return po::command_line_parser(std::vector<std::string>(arguments.begin(), arguments.end()))
          .options(known_)
          .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next)
          .allow_unregistered()
          .run()
          .options;
    } catch (const po::invalid_command_line_syntax& error) {
      const std::string name = without_dashes(error.get_option_name());
      require_known(name);
      if (error.kind() == po::invalid_syntax::extra_parameter)
        fail<JobError>("{}: --{} takes no value.", kCommandLine, name);
      fail_without_value(name);
    } catch (const po::error& error) {
      fail<JobError>("{}: {}; write --name value.", kCommandLine, printable(error.what()));
    }
  }

  void require_known(const std::string& name) const {
    const auto is_name = [&](const Switch& one) { return one.name == name; };
    if (std::any_of(switches_.begin(), switches_.end(), is_name)) return;
    if (!table_.contains(name)) fail_unknown(name);
    if (takes_job_keys_) return;
    fail<JobError>("{}: --{} is a job key, which only terse train takes.", kCommandLine, name);
  }

  [[noreturn]] void fail_unknown(const std::string& name) const {
    std::vector<std::string> known;
    if (takes_job_keys_) known = table_.keys();
    for (const Switch& one : switches_) known.push_back(one.name);
    if (known.empty())
      fail<JobError>("{}: there is no --{}; this command takes no options.", kCommandLine,
                     printable(name));
    const std::string nearest = nearest_key(name, known);
    const std::string allowed =
        table_.contains(nearest) ? fmt::format(" ({})", table_.field(nearest).allowed()) : "";
    fail<JobError>("{}: there is no --{}; the nearest is --{}{}.", kCommandLine, printable(name),
                   nearest, allowed);
  }

  [[noreturn]] void fail_without_value(const std::string& name) const {
    const std::string must_be =
        table_.contains(name) ? fmt::format("; it must be {}", table_.field(name).allowed()) : "";
    fail<JobError>("{}: --{} has no value{}.", kCommandLine, name, must_be);
  }

  Job job_;
  const OptionTable table_{job_};
  po::options_description known_;
  std::span<const Switch> switches_;
  bool takes_job_keys_;
};

}  // namespace

Arguments parse_arguments(std::span<const std::string> arguments,
                          std::span<const Switch> switches) {
  return Parser(switches, false).parse(arguments);
}

Arguments parse_job_arguments(std::span<const std::string> arguments,
                              std::span<const Switch> switches) {
  return Parser(switches, true).parse(arguments);
}

std::optional<std::string> Arguments::value(const std::string& name) const {
  const auto found = switches.find(name);
  return found == switches.end() ? std::nullopt : std::optional(found->second);
}

int count_of(const Arguments& arguments, const std::string& name, int otherwise) {
  const std::optional<std::string> text = arguments.value(name);
  if (!text) return otherwise;
  int value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc{} || stop != end || value < 1)
    fail<JobError>("--{} is '{}'; it must be a whole number from 1.", name, *text);
  return value;
}

std::string help_text(std::span<const Switch> switches) {
  std::string text;
  for (const Switch& one : switches)
    text += help_line(fmt::format("--{} {}", one.name, one.argument), one.meaning);
  return text;
}

std::string help_line(std::string_view usage, std::string_view text) {
  constexpr std::size_t kWidth = 100, kIndent = 28;
  std::string lines, line = fmt::format("  {:<{}}", usage, kIndent - 2);
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (line.size() + 1 + word.size() > kWidth) {
      lines.append(line).append("\n");
      line.assign(kIndent, ' ');
    }
    line.append(" ").append(word);
  }
  return lines.append(line).append("\n");
}

}  // namespace terse
