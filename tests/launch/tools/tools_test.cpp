#include "terse/launch/tools/tools.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>

#include "launch/tools/message_cases.h"
#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/compressors/codec_options.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;
using Args = std::vector<std::string>;

std::string place(const std::string& name) {
  const fs::path folder = fs::path(TERSE_BINARY_DIR) / "tools_test";
  fs::create_directories(folder);
  return (folder / name).string();
}

int tool(const Args& args) { return run_tool(args).value(); }

// The flag of an option.
std::string dashed(std::string name) {
  std::ranges::replace(name, '_', '-');
  return name;
}

std::string text_of_file(const std::string& path) {
  const std::vector<std::byte> bytes = read_bytes(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Tools, EncodeAndDecodeFiles) {
  const std::string base = place("tool");
  write_tensor(base + ".npy", noise({64, 64}));
  EXPECT_EQ(tool({"encode", base + ".npy", base + ".message", "--codec", "maxmin", "--level", "4",
                  "--seed", "5", "--step", "6", "--layer", "fc", "--rank", "1", "--residual",
                  base + "_rest.npy"}),
            0);
  EXPECT_EQ(tool({"decode", base + ".message", base + "_back.safetensors"}), 0);
  const Tensor whole = read_tensor(base + ".npy", ""), rest = read_tensor(base + "_rest.npy", ""),
               back = read_tensor(base + "_back.safetensors", "fc");
  for (std::size_t i = 0; i < whole.values.size(); ++i)
    ASSERT_EQ(whole.values[i] - back.values[i], rest.values[i]);
  EXPECT_FALSE(run_tool(Args{"train"}).has_value());
}

TEST(Tools, EveryCodecIsTriedWithItsDefaults) {
  const std::string base = place("each");
  write_tensor(base + ".npy", noise({64, 65}));
  for (const CodecInfo& info : codecs()) {
    const std::string codec(info.name);
    EXPECT_EQ(tool({"encode", base + ".npy", base + ".message", "--codec", codec, "--residual",
                    base + "_rest.npy"}),
              0);
    EXPECT_EQ(tool({"decode", base + ".message", base + "_back.npy"}), 0);
    const Tensor whole = read_tensor(base + ".npy", ""), rest = read_tensor(base + "_rest.npy", ""),
                 back = read_tensor(base + "_back.npy", "");
    for (std::size_t i = 0; i < whole.values.size(); ++i)
      ASSERT_EQ(whole.values[i] - back.values[i], rest.values[i]) << codec << " " << i;
  }
}

TEST(Tools, NearestIsShortForRounding) {
  const std::string base = place("nearest");
  write_tensor(base + ".npy", noise({64, 65}));
  EXPECT_EQ(tool({"encode", base + ".npy", base + ".message", "--codec", "maxmin", "--nearest"}),
            0);
  EXPECT_NE(text_of_file(base + ".message").find("\nrounding nearest\n"), std::string::npos);
}

class Refusals : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove(message_);
    fs::remove(rest_);
    write_tensor(tensor_, noise({8, 8}));
  }

  void refused(const Args& more) const {
    Args args{"encode", tensor_, message_, "--residual", rest_};
    args.insert(args.end(), more.begin(), more.end());
    SCOPED_TRACE(fmt::format("{}", fmt::join(more, " ")));
    try {
      run_tool(args);
      ADD_FAILURE() << "was not refused";
    } catch (const JobError& error) {
      const std::string sentence = error.what();
      EXPECT_EQ(sentence.find('\n'), std::string::npos) << sentence;
      EXPECT_TRUE(sentence.ends_with('.')) << sentence;
    }
    EXPECT_FALSE(fs::exists(message_));
    EXPECT_FALSE(fs::exists(rest_));
  }

  const std::string tensor_ = place("refused.npy"), message_ = place("refused.message"),
                    rest_ = place("refused_rest.npy");
};

Args bad_levels(const CodecInfo& info) {
  switch (info.level) {
    case Level::bits:
      return {"0", "9", "-1", "4.5", "nan", "inf"};
    case Level::density:
      return {"0", "1.5", "-0.1", "nan", "inf"};
    case Level::rank:
      return {"0", "-1", "1.5", "1025", "nan", "inf"};
    case Level::none:
      break;
  }
  return {"4", "-1", "nan", "inf"};  // terngrad's tensor holds no whole numbers
}

TEST_F(Refusals, LevelsThatACodecDoesNotHave) {
  for (const CodecInfo& info : codecs()) {
    for (const std::string& level : bad_levels(info))
      refused({"--codec", std::string(info.name), "--level=" + level});
  }
  refused({"--codec", "qsgd", "--level", "1"});
  refused({"--codec", "terngrad", "--level", "1.5"});
  refused({"--codec", "terngrad", "--level", "32768"});
  refused({"--codec", "maxmin", "--level", "x"});
}

TEST_F(Refusals, OptionsThatACodecDoesNotTake) {
  const std::map<std::string, Args> bad = {
      {"bucket", {"0", "65537", "-1"}},
      {"block", {"31", "129"}},
      {"clip", {"0.5", "101"}},
      {"sample_ratio", {"0", "0.009", "1.5"}},
      {"threshold", {"-1"}},
      {"values", {"zip", "fp7", "maxmin", "maxmin9", "fp164", "terngrad", "signsgd", "topk"}}};
  for (const CodecOption& option : codec_options()) {
    Args values = {"", "much", "nan", "inf", "fp32\nlayer x"};
    if (const auto found = bad.find(option.name); found != bad.end())
      values.insert(values.end(), found->second.begin(), found->second.end());
    for (const std::string& codec : codecs_where(option.read_by)) {
      for (const std::string& value : values)
        refused({"--codec", codec, fmt::format("--{}={}", dashed(option.name), value)});
    }
  }
}

TEST_F(Refusals, OtherArguments) {
  refused({});
  refused({"--codec", "zip"});
  refused({"--codec", "none", "--rank", "70000"});
  refused({"--codec", "none", "--layer", "a\nb"});
  refused({"--codec", "none", "--compression.bucket", "64"});
  EXPECT_THROW(tool({"encode", tensor_, message_, "--codec", "none", "--residual", "rest.txt"}),
               JobError);
  EXPECT_FALSE(fs::exists(message_));
}

TEST_F(Refusals, TensorsThatCannotBeEncoded) {
  Tensor bad = noise({8, 8});
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    bad.values[3] = value;
    write_tensor(tensor_, bad);
    for (const CodecInfo& info : codecs()) refused({"--codec", std::string(info.name)});
  }
  write_tensor(tensor_, noise({64}));
  refused({"--codec", "powersgd"});

  const auto npy = [&](const char* type, const char* order, const char* shape, std::size_t bytes) {
    const std::string header =
        fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n", type, order, shape);
    write_atomic(tensor_, std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) +
                              '\0' + header + std::string(bytes, '\0'));
    refused({"--codec", "none"});
  };
  npy("<f8", "False", "(2, 2)", 32);
  npy("<c8", "False", "(2, 2)", 32);
  npy(">f4", "False", "(2, 2)", 16);
  npy("<f2", "False", "(2, 2)", 8);
  npy("<i4", "False", "(2, 2)", 16);
  npy("<f4", "True", "(2, 2)", 16);
  npy("<f4", "False", "()", 4);
  npy("<f4", "False", "(0,)", 0);
  npy("<f4", "False", "(3, 0)", 0);
  npy("|O", "False", "(2, 2)", 16);
}

// Runs terse-tools in a shell.
int shell(const std::string& args) {
  const std::string line =
      fmt::format("'{}' {} >'{}' 2>'{}'", TERSE_TOOLS, args, place("out"), place("err"));
  const int status = std::system(line.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Program, ARefusedOptionIsToldWhatIsAllowed) {
  write_tensor(place("typed.npy"), noise({8, 8}));
  const auto sentence = [](const std::string& more) {
    EXPECT_EQ(
        shell(fmt::format("encode '{}' '{}' {}", place("typed.npy"), place("typed.message"), more)),
        2);
    return text_of_file(place("err"));
  };
  EXPECT_EQ(sentence("--codec maxmin --bucket 65537"),
            "terse: --bucket must be a whole number from 1 to 65536, not \"65537\".\n");
  const std::string values = sentence("--codec topk --values fp7");
  EXPECT_TRUE(values.starts_with("terse: --values must be fp32 | fp16 | ")) << values;
  EXPECT_TRUE(values.ends_with(" | nuqsgd8, not \"fp7\".\n")) << values;
  EXPECT_EQ(sentence("--codec none --compression.bucket 64"),
            "terse: command line: --compression.bucket is a job key, which only terse train "
            "takes.\n");
}

TEST(Program, EveryCommandHasHelp) {
  for (const char* command : {"encode", "decode", "codecs", "converge"}) {
    EXPECT_EQ(shell(fmt::format("{} --help", command)), 0) << command;
    EXPECT_TRUE(text_of_file(place("out")).starts_with(fmt::format("terse {}", command)));
    EXPECT_EQ(shell(fmt::format("{} --train.epochs 3", command)), 2) << command;
    EXPECT_EQ(text_of_file(place("err")),
              "terse: command line: --train.epochs is a job key, which only terse train takes.\n");
  }
}

TEST(Program, ARefusalIsCode2AndOneLine) {
  write_tensor(place("typed.npy"), noise({8, 8}));
  fs::remove(place("typed.message"));
  EXPECT_EQ(shell(fmt::format("encode '{}' '{}' --codec topk --level 2", place("typed.npy"),
                              place("typed.message"))),
            2);
  EXPECT_EQ(text_of_file(place("out")), "");
  EXPECT_EQ(text_of_file(place("err")),
            "terse: codec topk cannot send a density of 2: it takes a number above 0 and at most "
            "1.\n");
  EXPECT_FALSE(fs::exists(place("typed.message")));
}

TEST(Program, CodecsPrintsTheTableOfTheDocumentation) {
  ASSERT_EQ(shell("codecs"), 0);
  const std::string table = text_of_file(place("out")),
                    page = text_of_file(TERSE_SOURCE_DIR "/docs/codecs.md");
  EXPECT_EQ(std::ranges::count(table, '\n'), static_cast<std::ptrdiff_t>(codecs().size()) + 2);
  const std::size_t begin = page.find("\n\n| codec |");
  ASSERT_NE(begin, std::string::npos);
  const std::size_t end = page.find("\n\n", begin + 2);
  ASSERT_NE(end, std::string::npos);
  EXPECT_EQ(page.substr(begin + 2, end - begin - 1), table);
}

}  // namespace
}  // namespace terse::test
