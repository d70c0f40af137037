// A small parser of job files that records the line of each setting.
//
//   [section]           ; a comment, whole-line or after a value, starts with ; or #
//   key = value
//   key = "a; value"    ; quotes protect ; # and outer blanks; a quote inside is doubled
//
// Lines end in LF or CRLF; a UTF-8 byte order mark is skipped. Keys are not checked here.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace terse {

struct Setting {
  std::string key;     // "section.key"
  std::string value;   // unquoted, trimmed
  std::string origin;  // "job.ini:12" or "command line"
};

struct Section {
  std::string name;
  std::string origin;
};

struct IniFile {
  std::vector<Section> sections;
  std::vector<Setting> settings;
};

// Throws JobError naming file and line for a line that is none of the above, a key before any
// section, a key without a value and a key that is given twice.
IniFile parse_ini(std::string_view text, const std::string& file);

// Also throws JobError where the file is missing, unreadable, or not a text of less than 1 MB.
IniFile read_ini(const std::filesystem::path& path);

// `value` as job files write it, quoted where needed. It must not contain a line break.
std::string quote_ini(const std::string& value);

// `text` fit for an error message: at most 60 bytes, control characters shown as '?'.
std::string printable(std::string_view text);

}  // namespace terse
