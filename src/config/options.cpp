#include "terse/config/options.h"

#include <algorithm>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/variables_map.hpp>
#include <map>

#include "terse/base/error.h"
#include "terse/config/arguments.h"
#include "terse/config/rules.h"
#include "terse/config/table.h"
#include "terse/config/text/ini.h"
#include "terse/config/text/nearest.h"

namespace terse {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

std::vector<Setting> override_settings(std::span<const std::string> overrides) {
  const Arguments arguments = parse_job_arguments(overrides, {});
  if (!arguments.positional.empty()) {
    fail<JobError>("{}: \"{}\" is not of the form --section.key value.", kCommandLine,
                   printable(arguments.positional.front()));
  }
  std::vector<Setting> settings;
  for (const std::string& text : arguments.overrides) {
    constexpr std::size_t kDashes = 2;
    const auto equals = text.find('=');
    settings.push_back(
        {text.substr(kDashes, equals - kDashes), text.substr(equals + 1), kCommandLine});
  }
  return settings;
}

void check_sections(const IniFile& file, const OptionTable& table) {
  const std::vector<std::string> known = table.sections();
  for (const Section& section : file.sections) {
    if (std::find(known.begin(), known.end(), section.name) != known.end()) continue;
    fail<JobError>("{}: there is no section [{}]; the nearest is [{}].", section.origin,
                   printable(section.name), nearest_name(section.name, known));
  }
}

void check_keys(std::span<const Setting> settings, const OptionTable& table) {
  for (const Setting& setting : settings) {
    if (table.contains(setting.key)) continue;
    const std::string nearest = nearest_key(setting.key, table.keys());
    fail<JobError>("{}: there is no key {}; the nearest is {} ({}).", setting.origin,
                   printable(setting.key), nearest, table.field(nearest).allowed());
  }
}

// Stores settings in `map` and `all`; those stored before win.
void store(std::span<const Setting> settings, const OptionTable& table, ExplicitSettings& all,
           po::variables_map& map) {
  ExplicitSettings by_key;
  po::parsed_options parsed(&table.description());
  for (const Setting& setting : settings) {
    by_key.emplace(setting.key, setting);
    parsed.options.emplace_back(setting.key, std::vector{setting.value});
  }
  try {
    po::store(parsed, map);
  } catch (const BadValue& error) {
    fail<JobError>("{}: {} {}.", by_key.at(error.key()).origin, error.key(), error.what());
  }
  all.merge(by_key);
}

// The absolute path of an existing file or folder, looked up in the current folder and, where the
// job file sets it, then in that file's folder.
std::string find_data(const std::string& path, const fs::path& job_file,
                      const ExplicitSettings& settings) {
  const auto setting = settings.find("data.path");
  const std::string origin = setting == settings.end() ? "default" : setting->second.origin;
  const bool from_file = setting != settings.end() && origin != kCommandLine;
  std::error_code code;
  fs::path place = path;
  if (from_file && !fs::exists(place, code)) place = job_file.parent_path() / place;
  if (path.empty() || !fs::exists(place, code)) {
    fail<JobError>(
        "{}: data.path = \"{}\" does not exist{}; give the file or folder of the data set.", origin,
        printable(path), code ? fmt::format(" ({})", code.message()) : "");
  }
  place = fs::absolute(place).lexically_normal();
  return (place.has_filename() ? place : place.parent_path()).string();
}

}  // namespace

Job parse_job(const fs::path& file, std::span<const std::string> overrides,
              const Defaults& defaults) {
  const std::vector<Setting> command_line = override_settings(overrides);
  Job job;
  job.data.path = defaults.data_path;
  const OptionTable table(job);
  std::map<std::string, std::string> default_texts;
  for (const std::string& key : table.keys()) default_texts[key] = table.field(key).text();

  const IniFile ini = file.empty() ? IniFile() : read_ini(file);
  check_sections(ini, table);
  check_keys(ini.settings, table);

  ExplicitSettings settings;
  po::variables_map map;
  store(command_line, table, settings, map);
  store(ini.settings, table, settings, map);
  po::notify(map);

  if (!job.schedule.epochs)
    job.schedule.epochs = defaults.schedule_epochs.value_or(schedule_epochs(job));
  reset_unread(table, default_texts, settings);
  check_combinations(job, settings);
  job.data.path = find_data(job.data.path, file, settings);
  return job;
}

std::string help_text(const Defaults& defaults) {
  Job job;
  job.data.path = defaults.data_path;
  const OptionTable table(job);

  std::string text =
      "A job file has [section] and key = value lines. Comments start with ; or #; quotes protect "
      "both.\nOn the command line a key is --section.key value and overrides the file. Where the "
      "command line\nchooses a codec, model, optimizer or schedule, keys that the file sets for "
      "another one are ignored.\n";
  std::string section;
  for (const std::string& key : table.keys()) {
    const auto dot = key.find('.');
    if (key.substr(0, dot) != section) {
      section = key.substr(0, dot);
      text += fmt::format("\n[{}]\n", section);
    }
    text += help_line(fmt::format("{} = {}", key.substr(dot + 1), table.field(key).text()),
                      fmt::format("{} [{}]", table.meaning(key), table.field(key).allowed()));
  }
  return text;
}

}  // namespace terse
