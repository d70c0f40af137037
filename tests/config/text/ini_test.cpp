#include "terse/config/text/ini.h"

#include "config/job_fixture.h"

namespace terse {
namespace {

std::string refusal(const std::string& text) {
  try {
    parse_ini(text, "job.ini");
  } catch (const JobError& error) {
    return error.what();
  }
  return "";
}

TEST(Ini, KeepsTheLineOfEverything) {
  const IniFile file =
      parse_ini("; a job\n\n[data]\nkind = idx\n# more\n[train]\n  epochs=3", "job.ini");
  ASSERT_EQ(file.sections.size(), 2u);
  EXPECT_EQ(file.sections[1].name, "train");
  EXPECT_EQ(file.sections[1].origin, "job.ini:6");
  ASSERT_EQ(file.settings.size(), 2u);
  EXPECT_EQ(file.settings[0].key, "data.kind");
  EXPECT_EQ(file.settings[0].value, "idx");
  EXPECT_EQ(file.settings[0].origin, "job.ini:4");
  EXPECT_EQ(file.settings[1].key, "train.epochs");
  EXPECT_EQ(file.settings[1].value, "3");
  EXPECT_EQ(file.settings[1].origin, "job.ini:7");
}

TEST(Ini, CommentsBlanksWindowsLinesAndByteOrderMark) {
  const IniFile file =
      parse_ini("\xEF\xBB\xBF[ data ] ; x\r\n\tkind\t=\tidx # y\r\npath = a b;c\r\n", "job.ini");
  ASSERT_EQ(file.settings.size(), 2u);
  EXPECT_EQ(file.settings[0].key, "data.kind");
  EXPECT_EQ(file.settings[0].value, "idx");
  EXPECT_EQ(file.settings[1].value, "a b");
}

TEST(Ini, QuotesProtectAndRoundTrip) {
  const IniFile file = parse_ini("[a]\nx = \" ;#\"\"= \" ; comment\ny = \"\"", "job.ini");
  ASSERT_EQ(file.settings.size(), 2u);
  EXPECT_EQ(file.settings[0].value, " ;#\"= ");
  EXPECT_EQ(file.settings[1].value, "");
  for (const std::string value :
       {"plain", "a b", " a", "a;b", "#", "\"", "\"\"", "a\"b", "", "[x]", "a=b", "\t"}) {
    const IniFile again = parse_ini("[a]\nx = " + quote_ini(value) + "\n", "job.ini");
    ASSERT_EQ(again.settings.size(), 1u) << value;
    EXPECT_EQ(again.settings[0].value, value);
  }
}

TEST(Ini, NamesTheLineOfWhatIsWrong) {
  EXPECT_EQ(refusal("[a]\nx = 1\n\nx = 2\n"),
            "job.ini:4: a.x is given twice; the first is on line 2.");
  EXPECT_EQ(refusal("[a]\nx = 1\n[b]\n[a]\nx = 2\n"),
            "job.ini:5: a.x is given twice; the first is on line 2.");
  EXPECT_EQ(refusal("x = 1\n"), "job.ini:1: the key x is before any `[section]`.");
  EXPECT_EQ(refusal("[a]\nx =  ; 1\n"), "job.ini:2: a.x has no value; write `key = value`.");
  EXPECT_EQ(refusal("[a]\nx\n"),
            "job.ini:2: x is neither `[section]` nor `key = value` nor a comment.");
  EXPECT_EQ(refusal("[a]\n= 3\n"),
            "job.ini:2: = 3 is neither `[section]` nor `key = value` nor a comment.");
  EXPECT_EQ(refusal("[a\n"), "job.ini:1: [a is not a section; write `[section]`.");
  EXPECT_EQ(refusal("[a] b\n"), "job.ini:1: [a] b is not a section; write `[section]`.");
  EXPECT_EQ(refusal("[]\n"), "job.ini:1: the section has no name; write `[section]`.");
  EXPECT_EQ(refusal("[a]\nx = \"b\n"), "job.ini:2: the quoted value \"b has no closing quote.");
  EXPECT_EQ(refusal("[a]\nx = \"b\" c\n"),
            "job.ini:2: after the quoted value of a.x stands c, and only a comment may.");
  EXPECT_EQ(refusal(std::string("[a]\nx = \0\n", 10)), "job.ini: this is not a text file.");
}

TEST(Ini, ShowsForeignTextSafely) {
  EXPECT_EQ(printable("a\tb\x1B[31m"), "a?b?[31m");
  EXPECT_EQ(printable(std::string(100, 'x')), std::string(60, 'x') + "...");
  EXPECT_EQ(printable(std::string(59, 'x') + "\xC3\xA9y"), std::string(59, 'x') + "...");
}

TEST(Ini, DamagedTextsAreRefusedOrReadButNeverCrash) {
  const std::string good = "[data]\nkind = \"i;x\" ; c\n[train]\nepochs = 3\n";
  int refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char c : {'\0', '\n', '"', '[', ']', '=', ';', '\xFF'}) {
      std::string damaged = good;
      damaged[at] = c;
      refused += refusal(damaged).starts_with("job.ini:");
    }
    refused += refusal(good.substr(0, at)).starts_with("job.ini:");
  }
  EXPECT_GT(refused, 40);
}

using IniFileTest = JobTest;

TEST_F(IniFileTest, WhatCannotBeRead) {
  const auto message = [](const std::filesystem::path& path) -> std::string {
    try {
      read_ini(path);
    } catch (const JobError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message(dir_ / "none.ini"),
            (dir_ / "none.ini").string() + ": there is no such job file.");
  EXPECT_EQ(message(dir_), dir_.string() + ": this is a folder, not a job file.");
  const auto large = write("large.ini", std::string(2 << 20, '\n'));
  EXPECT_EQ(message(large), large.string() + ": a job file has less than 1 MB.");
}

}  // namespace
}  // namespace terse
