#include "terse/compressors/codec_options.h"

#include <gtest/gtest.h>

#include <set>

#include "compressors/option_values.h"
#include "terse/base/error.h"

namespace terse::test {
namespace {

const CodecOption& option_named(std::string_view name) {
  for (const CodecOption& option : codec_options()) {
    if (option.name == name) return option;
  }
  throw std::logic_error("no such option");
}

bool takes(std::string_view name, std::string_view text) {
  CodecOptions options;
  return option_named(name).assign(options, text);
}

TEST(CodecOptions, EveryFieldHasARow) {
  CodecOptions changed;
  for (const CodecOption& option : codec_options()) changed = with_other_value(option, changed);
  // As many names as there are fields: a new field does not compile before it stands here.
  const auto& [name, bucket, stochastic, max_norm, block, clip, sample_ratio, alternating,
               threshold, unbiased, values] = changed;
  const CodecOptions usual;
  EXPECT_EQ(name, usual.name);
  EXPECT_NE(bucket, usual.bucket);
  EXPECT_NE(stochastic, usual.stochastic);
  EXPECT_NE(max_norm, usual.max_norm);
  EXPECT_NE(block, usual.block);
  EXPECT_NE(clip, usual.clip);
  EXPECT_NE(sample_ratio, usual.sample_ratio);
  EXPECT_NE(alternating, usual.alternating);
  EXPECT_NE(threshold, usual.threshold);
  EXPECT_NE(unbiased, usual.unbiased);
  EXPECT_NE(values, usual.values);
}

// Plans hash this text and messages hold it.
TEST(CodecOptions, TheTextOfTheDefaultsIsFixed) {
  EXPECT_EQ(text_of(CodecOptions{}),
            "bucket 512\nrounding stochastic\nmax_norm false\nblock 64\nclip 2.5\n"
            "sample_ratio 0.01\nalternating false\nthreshold 0.001\nunbiased false\nvalues fp32\n");
  CodecOptions options;
  ASSERT_TRUE(option_named("threshold").assign(options, "1e-4"));
  EXPECT_EQ(option_named("threshold").text(options), "0.0001");
  ASSERT_TRUE(option_named("threshold").assign(options, "-0"));
  EXPECT_EQ(option_named("threshold").text(options), "0");
}

TEST(CodecOptions, TextsComeBackAndTellEveryOptionApart) {
  const std::string usual = text_of(CodecOptions{});
  std::set<std::string> texts = {usual};
  for (const CodecOption& option : codec_options()) {
    CodecOptions options = with_other_value(option);
    EXPECT_TRUE(texts.insert(text_of(options)).second) << option.name;
    CodecOptions back;
    ASSERT_TRUE(option.assign(back, option.text(options))) << option.name;
    EXPECT_EQ(back, options) << option.name;
    ASSERT_TRUE(option.assign(options, option.text(CodecOptions{}))) << option.name;
    EXPECT_EQ(text_of(options), usual) << option.name;
  }
}

TEST(CodecOptions, ARefusedTextChangesNothing) {
  for (const CodecOption& option : codec_options()) {
    const CodecOptions before = with_other_value(option);
    for (const char* text : {"", "much", "12 ", " 33", "true\nlayer x", "-1", "nan", "inf", "1e99",
                             "99999999999999999999"}) {
      CodecOptions options = before;
      EXPECT_FALSE(option.assign(options, text)) << option.name << " " << text;
      EXPECT_EQ(options, before) << option.name << " " << text;
    }
  }
}

TEST(CodecOptions, RangesAreThoseOfTheCodecs) {
  EXPECT_TRUE(takes("bucket", "1") && takes("bucket", "65536"));
  EXPECT_FALSE(takes("bucket", "0") || takes("bucket", "65537"));
  EXPECT_TRUE(takes("block", "32") && takes("block", "128"));
  EXPECT_FALSE(takes("block", "31") || takes("block", "129"));
  EXPECT_TRUE(takes("clip", "0") && takes("clip", "1") && takes("clip", "100"));
  EXPECT_FALSE(takes("clip", "0.5") || takes("clip", "100.5"));
  EXPECT_TRUE(takes("sample_ratio", "0.01") && takes("sample_ratio", "1"));
  EXPECT_FALSE(takes("sample_ratio", "0.009") || takes("sample_ratio", "1.5"));
  for (const char* values : {"fp32", "fp16", "bf16", "fp8", "fp8_e5m2", "natural", "maxmin1",
                             "maxmin8", "qsgd2", "qsgd8", "nuqsgd2", "nuqsgd8"})
    EXPECT_TRUE(takes("values", values)) << values;
  for (const char* values : {"none", "maxmin", "maxmin0", "maxmin9", "qsgd1", "nuqsgd1", "fp7",
                             "fp164", "terngrad", "signsgd", "topk", "powersgd"})
    EXPECT_FALSE(takes("values", values)) << values;
}

TEST(CodecOptions, EveryCodecTakesWhatARowAllows) {
  for (const CodecOption& option : codec_options()) {
    for (const std::string& codec : codecs_where(option.read_by)) {
      for (const char* text :
           {"0",    "1e-9", "0.01",     "0.5",     "1",       "2.5",     "32",    "100",
            "128",  "256",  "65536",    "1e9",     "true",    "nearest", "fp32",  "fp16",
            "bf16", "fp8",  "fp8_e5m2", "natural", "maxmin1", "maxmin8", "qsgd2", "nuqsgd8"}) {
        CodecOptions options{.name = codec};
        if (option.assign(options, text)) {
          EXPECT_NO_THROW(make_codec(options)) << codec << " " << option.name << " " << text;
        }
      }
    }
  }
}

TEST(CodecOptions, HelpNamesTheCodecsThatReadAnOption) {
  EXPECT_EQ(option_named("bucket").meaning, "elements that share a scale (maxmin, qsgd, nuqsgd)");
  EXPECT_TRUE(option_named("values").meaning.ends_with(" (sparse codecs)"));
  EXPECT_TRUE(option_named("alternating").meaning.ends_with(" (powersgd)"));
  for (const CodecOption& option : codec_options())
    EXPECT_FALSE(codecs_where(option.read_by).empty()) << option.name;
}

}  // namespace
}  // namespace terse::test
