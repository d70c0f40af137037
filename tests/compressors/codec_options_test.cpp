#include "terse/compressors/codec_options.h"

#include <gtest/gtest.h>

#include <map>

namespace terse::test {
namespace {

// None is the default.
const std::map<std::string_view, std::string_view> kWords = {
    {"bucket", "100"},    {"rounding", "nearest"}, {"max_norm", "true"},    {"block", "32"},
    {"clip", "1e-300"},   {"sample_ratio", "0.1"}, {"alternating", "true"}, {"threshold", "0.0625"},
    {"unbiased", "true"}, {"values", "maxmin4"}};

TEST(CodecOptions, TheTableHasEveryField) {
  CodecOptions options;
  ASSERT_EQ(codec_options().size(), kWords.size());
  for (const CodecOption& option : codec_options())
    EXPECT_TRUE(option.assign(options, kWords.at(option.name))) << option.name;
  // As many names as there are fields: one that is added does not compile before it stands here.
  const auto& [name, bucket, stochastic, max_norm, block, clip, sample_ratio, alternating,
               threshold, unbiased, values] = options;
  EXPECT_EQ(name, "none");
  EXPECT_EQ(bucket, 100u);
  EXPECT_FALSE(stochastic);
  EXPECT_TRUE(max_norm);
  EXPECT_EQ(block, 32u);
  EXPECT_EQ(clip, 1e-300);
  EXPECT_EQ(sample_ratio, 0.1);
  EXPECT_TRUE(alternating);
  EXPECT_EQ(threshold, 0.0625);
  EXPECT_TRUE(unbiased);
  EXPECT_EQ(values, "maxmin4");
}

TEST(CodecOptions, TextsComeBackAndTellEveryOptionApart) {
  const std::string usual = text_of(CodecOptions{});
  for (const CodecOption& option : codec_options()) {
    CodecOptions changed;
    ASSERT_TRUE(option.assign(changed, kWords.at(option.name)));
    EXPECT_EQ(option.text(changed), kWords.at(option.name));
    EXPECT_NE(text_of(changed), usual) << option.name;
    ASSERT_TRUE(option.assign(changed, option.text(CodecOptions{})));
    EXPECT_EQ(text_of(changed), usual) << option.name;
  }
}

TEST(CodecOptions, WhatIsNoValueIsRefusedAndChangesNothing) {
  const std::string usual = text_of(CodecOptions{});
  for (const CodecOption& option : codec_options()) {
    CodecOptions options;
    EXPECT_FALSE(option.assign(options, "")) << option.name;
    EXPECT_FALSE(option.assign(options, "true\nlayer x")) << option.name;
    if (option.name != "values") {
      EXPECT_FALSE(option.assign(options, "much")) << option.name;
      EXPECT_FALSE(option.assign(options, "12 ")) << option.name;
    }
    EXPECT_EQ(text_of(options), usual) << option.name;
  }
}

}  // namespace
}  // namespace terse::test
