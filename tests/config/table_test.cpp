#include "terse/config/table.h"

#include <gtest/gtest.h>

#include <set>

namespace terse {
namespace {

std::vector<std::string> texts(const OptionTable& table) {
  std::vector<std::string> texts;
  for (const std::string& key : table.keys()) texts.push_back(table.field(key).text());
  return texts;
}

// Assigns the first of these that the key accepts and that is not its value already.
bool change(const Field& field) {
  const std::string before = field.text();
  for (const char* text : {"0.5",     "7",       "33",        "true",    "false",  "7s",    "7kB",
                           "7kbit/s", "idx",     "crop_flip", "mlp",     "skip",   "adamw", "step",
                           "dgc",     "nearest", "fp16",      "classic", "global", "a/path"}) {
    try {
      field.assign(text);
    } catch (const BadValue&) {
      continue;
    }
    if (field.text() != before) return true;
  }
  return false;
}

TEST(Table, EveryKeyHasAFieldOfItsOwn) {
  Job job;
  const OptionTable table(job);
  for (const std::string& key : table.keys()) {
    const std::vector<std::string> before = texts(table);
    if (!change(table.field(key))) {
      EXPECT_EQ(key, "train.device") << "only one value is known to this test";
      continue;
    }
    const std::vector<std::string> after = texts(table);
    std::set<std::string> changed;
    for (std::size_t i = 0; i < after.size(); ++i) {
      if (after[i] != before[i]) changed.insert(table.keys()[i]);
    }
    EXPECT_EQ(changed, std::set<std::string>{key});
  }
}

TEST(Table, ARefusedTextLeavesTheFieldAlone) {
  Job job;
  const OptionTable table(job);
  try {
    table.field("compression.bits").assign("9");
    ADD_FAILURE() << "9 bits were accepted";
  } catch (const BadValue& error) {
    EXPECT_EQ(error.key(), "compression.bits");
    EXPECT_STREQ(error.what(), "must be a whole number from 1 to 8, not \"9\"");
  }
  EXPECT_EQ(job, Job());
}

TEST(Table, KnowsItsKeysAndSections) {
  Job job;
  const OptionTable table(job);
  EXPECT_TRUE(table.contains("train.epochs"));
  for (const char* key : {"", "train", "train.", "train.epoch", "train.epochs ", "TRAIN.EPOCHS"}) {
    EXPECT_FALSE(table.contains(key)) << key;
  }
  EXPECT_EQ(table.sections(),
            (std::vector<std::string>{"data", "model", "train", "optimizer", "schedule",
                                      "compression", "link", "world", "output"}));
}

}  // namespace
}  // namespace terse
