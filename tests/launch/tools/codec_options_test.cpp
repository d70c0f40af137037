// A row of codec_options() is all that terse encode and a plan's hash need for an option, and it
// names the codecs that read the option.
#include "terse/compressors/codec_options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "compressors/option_values.h"
#include "launch/tools/message_cases.h"
#include "terse/base/file.h"
#include "terse/comm/reducer/make_plan.h"
#include "terse/launch/tools/tools.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;

std::string place(const std::string& name) {
  const fs::path folder = fs::path(TERSE_BINARY_DIR) / "codec_options_test";
  fs::create_directories(folder);
  return (folder / name).string();
}

std::string flag_of(const CodecOption& option) {
  std::string name = option.name;
  std::ranges::replace(name, '_', '-');
  return "--" + name;
}

TEST(CodecOptionRows, AreFlagsOfEncodeWithHelp) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(run_tool(std::vector<std::string>{"encode", "--help"}), 0);
  std::istringstream help(testing::internal::GetCapturedStdout());
  std::string text;  // without the line breaks and blanks that align it
  for (std::string word; help >> word;) text += word + " ";
  for (const CodecOption& option : codec_options()) {
    const std::string line = fmt::format("{} {} {} [{}] ", flag_of(option), option.argument,
                                         option.meaning, option.allowed);
    EXPECT_NE(text.find(line), std::string::npos) << line << "in: " << text;
  }
}

TEST(CodecOptionRows, ReachTheMessageOfEveryCodecThatReadsThem) {
  const std::string tensor = place("tensor.npy"), message = place("message");
  write_tensor(tensor, noise({64, 65}));
  for (const CodecOption& option : codec_options()) {
    const std::string value = other_value(option);
    for (const std::string& codec : codecs_where(option.read_by)) {
      EXPECT_EQ(run_tool(std::vector<std::string>{"encode", tensor, message, "--codec", codec,
                                                  flag_of(option), value}),
                0);
      const std::vector<std::byte> file = read_bytes(message);
      const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
      EXPECT_NE(text.find(fmt::format("\n{} {}\n", option.name, value)), std::string_view::npos)
          << codec << " " << option.name;
      EXPECT_EQ(run_tool(std::vector<std::string>{"decode", message, place("back.npy")}), 0);
    }
  }
}

TEST(CodecOptionRows, ArePartOfThePlansHash) {
  const std::vector<Layer> layers = {
      {.name = "weight", .grad = nullptr, .size = 4096, .dimensions = 2, .rows = 64}};
  for (const CodecOption& option : codec_options()) {
    for (const std::string& codec : codecs_where(option.read_by)) {
      CompressionOptions options;
      options.codec.name = codec;
      options.min_elements = 1;
      if (option.name == "unbiased") options.feedback = "none";  // it takes no feedback
      const std::uint32_t usual = make_plan(layers, options, 0, 2).hash();
      options.codec = with_other_value(option, options.codec);
      EXPECT_NE(make_plan(layers, options, 0, 2).hash(), usual) << codec << " " << option.name;
    }
  }
}

// What an option can change: the payload, or the exchange.
std::pair<std::vector<std::byte>, Pattern> effect(const Tensor& tensor, const CodecInfo& info,
                                                  const CodecOptions& options) {
  const Case one{options, usual_level(info)};
  return {encode_tensor(tensor, note_of(tensor, one)).body, make_codec(options)->traits().pattern};
}

TEST(CodecOptionRows, NameTheCodecsThatReadThem) {
  const Tensor tensor = noise({128, 515});
  for (const CodecInfo& info : codecs()) {
    const CodecOptions usual{.name = std::string(info.name)};
    for (const CodecOption& option : codec_options()) {
      const bool read =
          effect(tensor, info, with_other_value(option, usual)) != effect(tensor, info, usual);
      EXPECT_EQ(read, option.read_by(info)) << info.name << " " << option.name;
    }
  }
}

}  // namespace
}  // namespace terse::test
