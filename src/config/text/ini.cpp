#include "terse/config/text/ini.h"

#include <algorithm>
#include <map>

#include "terse/base/error.h"
#include "terse/base/file.h"

namespace terse {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBlanks = " \t\r";
constexpr std::uintmax_t kMaxBytes = 1 << 20;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_comment(std::string_view text) {
  return text.empty() || text.front() == ';' || text.front() == '#';
}

// The text inside the quotes that `text` starts with; sets `rest` to the text after them.
std::string unquote(std::string_view text, std::string_view& rest, const std::string& origin) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (i + 1 == text.size() || text[i + 1] != '"') {
        rest = trim(text.substr(i + 1));
        return value;
      }
      ++i;
    }
    value += text[i];
  }
  fail<JobError>("{}: the quoted value {} has no closing quote.", origin, printable(text));
}

std::string parse_value(std::string_view text, std::string_view key, const std::string& origin) {
  if (text.starts_with('"')) {
    std::string_view rest;
    std::string value = unquote(text, rest, origin);
    if (!is_comment(rest)) {
      fail<JobError>("{}: after the quoted value of {} stands {}, and only a comment may.", origin,
                     printable(key), printable(rest));
    }
    return value;
  }
  const std::string_view value = trim(text.substr(0, text.find_first_of(";#")));
  if (value.empty())
    fail<JobError>("{}: {} has no value; write `key = value`.", origin, printable(key));
  return std::string(value);
}

class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  void line(std::string_view text) {
    ++line_;
    text = trim(text);
    if (is_comment(text)) return;
    if (text.front() == '[') {
      section(text);
    } else {
      setting(text);
    }
  }
  IniFile take() { return std::move(result_); }

 private:
  std::string origin() const { return fmt::format("{}:{}", file_, line_); }

  void section(std::string_view text) {
    const auto end = text.find(']');
    if (end == std::string_view::npos || !is_comment(trim(text.substr(end + 1)))) {
      fail<JobError>("{}: {} is not a section; write `[section]`.", origin(), printable(text));
    }
    section_ = trim(text.substr(1, end - 1));
    if (section_.empty())
      fail<JobError>("{}: the section has no name; write `[section]`.", origin());
    result_.sections.push_back({section_, origin()});
  }

  void setting(std::string_view text) {
    const auto equals = text.find('=');
    const std::string_view name = trim(text.substr(0, equals));
    if (equals == std::string_view::npos || name.empty() ||
        name.find_first_of(";#") != std::string_view::npos) {
      fail<JobError>("{}: {} is neither `[section]` nor `key = value` nor a comment.", origin(),
                     printable(text));
    }
    if (section_.empty()) {
      fail<JobError>("{}: the key {} is before any `[section]`.", origin(), printable(name));
    }
    std::string key = fmt::format("{}.{}", section_, name);
    const auto [first, fresh] = lines_.emplace(key, line_);
    if (!fresh) {
      fail<JobError>("{}: {} is given twice; the first is on line {}.", origin(), printable(key),
                     first->second);
    }
    std::string value = parse_value(trim(text.substr(equals + 1)), key, origin());
    result_.settings.push_back({std::move(key), std::move(value), origin()});
  }

  std::string file_;
  int line_ = 0;
  std::string section_;
  std::map<std::string, int> lines_;
  IniFile result_;
};

}  // namespace

IniFile parse_ini(std::string_view text, const std::string& file) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.find('\0') != std::string_view::npos)
    fail<JobError>("{}: this is not a text file.", file);
  Reader reader(file);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    reader.line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return reader.take();
}

IniFile read_ini(const fs::path& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) fail<JobError>("{}: there is no such job file.", path.string());
  if (fs::is_directory(status))
    fail<JobError>("{}: this is a folder, not a job file.", path.string());
  const std::uintmax_t bytes = fs::file_size(path, code);
  if (!code && bytes >= kMaxBytes)
    fail<JobError>("{}: a job file has less than 1 MB.", path.string());
  std::string text;
  try {
    text = read_text(path);
  } catch (const Error& error) {
    throw JobError(error.what());
  }
  return parse_ini(text, path.string());
}

std::string quote_ini(const std::string& value) {
  const bool plain =
      !value.empty() && trim(value) == value && value.find_first_of(";#\"") == std::string::npos;
  if (plain) return value;
  std::string quoted = "\"";
  for (const char c : value) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string printable(std::string_view text) {
  constexpr std::size_t kMax = 60;
  const bool cut = text.size() > kMax;
  if (cut) {
    std::size_t end = kMax;  // a character of several bytes stays whole
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
  }
  std::string shown(text);
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
  return cut ? shown + "..." : shown;
}

}  // namespace terse
