#include "terse/config/arguments.h"

#include <gtest/gtest.h>

#include "terse/base/error.h"

namespace terse {
namespace {

using Texts = std::vector<std::string>;

const std::vector<Switch>& switches() {
  static const std::vector<Switch> kSwitches = {{"ranks", "N", "ranks as threads"},
                                                {"resume", "", "go on"}};
  return kSwitches;
}

std::string refusal(const Texts& arguments) {
  try {
    parse_job_arguments(arguments, switches());
  } catch (const JobError& error) {
    return error.what();
  }
  return "";
}

TEST(Arguments, SeparatesSwitchesJobKeysAndPositionals) {
  const Arguments read =
      parse_job_arguments(Texts{"train", "--ranks", "4", "job.ini", "--train.epochs", "5",
                                "--resume", "--data.path=a=b", "--", "--x"},
                          switches());
  EXPECT_EQ(read.positional, (Texts{"train", "job.ini", "--x"}));
  EXPECT_EQ(read.switches, (std::map<std::string, std::string>{{"ranks", "4"}, {"resume", ""}}));
  EXPECT_EQ(read.overrides, (Texts{"--train.epochs=5", "--data.path=a=b"}));
}

TEST(Arguments, AFlagDoesNotTakeTheNextArgument) {
  const Arguments read = parse_arguments(Texts{"--resume", "job.ini"}, switches());
  EXPECT_EQ(read.positional, Texts{"job.ini"});
}

TEST(Arguments, AValueMayStartWithADash) {
  EXPECT_EQ(parse_job_arguments(Texts{"--optimizer.lr", "-1"}, {}).overrides,
            Texts{"--optimizer.lr=-1"});
}

TEST(Arguments, RefusesInOneSentence) {
  EXPECT_EQ(refusal({"--rank", "4"}), "command line: there is no --rank; the nearest is --ranks.");
  EXPECT_EQ(refusal({"--ranks"}), "command line: --ranks has no value.");
  EXPECT_EQ(refusal({"--resume=yes"}), "command line: --resume takes no value.");
  EXPECT_EQ(refusal({"--resume", "--resume"}), "command line: --resume is given twice.");
  EXPECT_EQ(refusal({"--train.epochs", "1", "--train.epochs=1"}),
            "command line: --train.epochs is given twice.");
  const std::string valueless =
      "command line: --compression.bits has no value; it must be a whole number from 1 to 8.";
  EXPECT_EQ(refusal({"--compression.bits"}), valueless);
  EXPECT_EQ(refusal({"--compression.bits="}), valueless);
  EXPECT_EQ(refusal({"--compression.bits", "--resume"}), valueless);
}

TEST(Arguments, OddTextsAreRefusedOrPositional) {
  for (const char* odd :
       {"--", "-", "---", "--=", "--=3", "---x=3", "--.", "--.=", "--\n=1", "-x", "-=", ""}) {
    try {
      const Arguments read = parse_job_arguments(Texts{odd}, switches());
      EXPECT_TRUE(read.overrides.empty() && read.switches.empty()) << odd;
    } catch (const JobError& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with("command line: ")) << odd;
    }
  }
}

TEST(Arguments, NeverGuessesAnAbbreviation) {
  EXPECT_EQ(refusal({"--train.epoch", "4"}),
            "command line: there is no --train.epoch; the nearest is --train.epochs (a whole "
            "number from 0 to "
            "1000000000).");
  EXPECT_EQ(refusal({"--res"}), "command line: there is no --res; the nearest is --resume.");
  EXPECT_EQ(refusal({"--compression.bit=4"}),
            "command line: there is no --compression.bit; the nearest is --compression.bits (a "
            "whole number from 1 "
            "to 8).");
  EXPECT_EQ(refusal({"--Train.epochs=4"}).substr(0, 48),
            "command line: there is no --Train.epochs; the ne");
}

TEST(Arguments, JobKeysAreRefusedWhereNoJobIsRead) {
  const auto sentence = [](const Texts& arguments, std::span<const Switch> known) -> std::string {
    try {
      parse_arguments(arguments, known);
    } catch (const JobError& error) {
      return error.what();
    }
    return "";
  };
  for (const Texts& texts : {Texts{"--train.epochs", "3"}, Texts{"--train.epochs=3"},
                             Texts{"--train.epochs"}, Texts{"x", "--ranks=2", "--train.epochs=x"}})
    EXPECT_EQ(sentence(texts, switches()),
              "command line: --train.epochs is a job key, which only terse train takes.");
  EXPECT_EQ(sentence({"--train.epoch", "3"}, switches()),
            "command line: there is no --train.epoch; the nearest is --ranks.");
  EXPECT_EQ(sentence({"--ranks=3", "file"}, switches()), "");
  EXPECT_EQ(sentence({"--ranks=3"}, {}),
            "command line: there is no --ranks; this command takes no options.");
}

TEST(Arguments, HelpWrapsAt100Columns) {
  const std::string text(36, 'x');
  const std::string indent(29, ' ');
  EXPECT_EQ(help_line("--ranks N", "a text"), "  --ranks N                  a text\n");
  EXPECT_EQ(help_line("--ranks N", text + " 34" + std::string(31, '.')),
            "  --ranks N                  " + text + " 34" + std::string(31, '.') + "\n");
  EXPECT_EQ(help_line("--ranks N", text + " " + text),
            "  --ranks N                  " + text + "\n" + indent + text + "\n");
}

TEST(Arguments, HelpNamesEverySwitch) {
  const std::string help = help_text(switches());
  EXPECT_NE(help.find("--ranks N"), std::string::npos) << help;
  EXPECT_NE(help.find("go on"), std::string::npos) << help;
}

}  // namespace
}  // namespace terse
