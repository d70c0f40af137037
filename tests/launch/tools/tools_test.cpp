#include "terse/launch/tools/tools.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <limits>

#include "launch/tools/message_cases.h"
#include "terse/base/error.h"
#include "terse/base/file.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::string place(const std::string& name) {
  const fs::path folder = fs::path(TERSE_BINARY_DIR) / "tools_test";
  fs::create_directories(folder);
  return (folder / name).string();
}

int tool(const Words& words) { return run_tool(words).value(); }

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
  EXPECT_FALSE(run_tool(Words{"train"}).has_value());
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

TEST(Tools, ASwitchForEveryOptionReachesTheMessage) {
  const std::string base = place("options");
  write_tensor(base + ".npy", noise({64, 65}));
  const auto says = [&](const std::string& line, Words more) {
    Words words{"encode", base + ".npy", base + ".message"};
    words.insert(words.end(), more.begin(), more.end());
    EXPECT_EQ(tool(words), 0);
    EXPECT_NE(text_of_file(base + ".message").find("\n" + line + "\n"), std::string::npos) << line;
    EXPECT_EQ(tool({"decode", base + ".message", base + "_back.npy"}), 0);
  };
  says("bucket 100", {"--codec", "maxmin", "--bucket", "100"});
  says("rounding nearest", {"--codec", "maxmin", "--rounding", "nearest"});
  says("rounding nearest", {"--codec", "maxmin", "--nearest"});
  says("max_norm true", {"--codec", "qsgd", "--max-norm", "true"});
  says("block 32", {"--codec", "fp8", "--block", "32"});
  says("clip 0", {"--codec", "terngrad", "--clip", "0"});
  says("sample_ratio 0.5", {"--codec", "dgc", "--sample-ratio", "0.5"});
  says("alternating true", {"--codec", "powersgd", "--alternating", "true"});
  says("threshold 0.01", {"--codec", "threshold", "--threshold", "0.01"});
  says("unbiased true", {"--codec", "randblock", "--unbiased", "true"});
  says("values maxmin4", {"--codec", "topk", "--values", "maxmin4"});
}

class Refusals : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove(message_);
    fs::remove(rest_);
    write_tensor(tensor_, noise({8, 8}));
  }

  void refused(const Words& more) const {
    Words words{"encode", tensor_, message_, "--residual", rest_};
    words.insert(words.end(), more.begin(), more.end());
    SCOPED_TRACE(fmt::format("{}", fmt::join(more, " ")));
    try {
      run_tool(words);
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

Words bad_levels(const CodecInfo& info) {
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
  for (const char* codec : {"maxmin", "qsgd", "nuqsgd"}) {
    refused({"--codec", codec, "--bucket", "0"});
    refused({"--codec", codec, "--bucket", "65537"});
    refused({"--codec", codec, "--bucket=-1"});
  }
  for (const char* codec : {"fp8", "fp8_e5m2"}) {
    refused({"--codec", codec, "--block", "31"});
    refused({"--codec", codec, "--block", "129"});
  }
  for (const char* clip : {"0.5", "101", "nan", "much"})
    refused({"--codec", "terngrad", "--clip", clip});
  for (const char* codec : {"dgc", "topk_sampled"}) {
    for (const char* ratio : {"0", "1.5", "nan"})
      refused({"--codec", codec, "--sample-ratio", ratio});
  }
  for (const char* threshold : {"-1", "nan", "inf"})
    refused({"--codec", "threshold", std::string("--threshold=") + threshold});
  for (const CodecInfo& info : codecs()) {
    if (info.family != "sparse") continue;
    for (const char* values : {"zip", "maxmin", "maxmin9", "fp164", "terngrad", "signsgd",
                               "ef_sign", "onebit", "topk", "powersgd", ""})
      refused({"--codec", std::string(info.name), std::string("--values=") + values});
  }
  refused({"--codec", "maxmin", "--rounding", "up"});
  refused({"--codec", "qsgd", "--max-norm", "maybe"});
  refused({"--codec", "none", "--values", "fp32\nlayer x"});
}

TEST_F(Refusals, OtherWords) {
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

// Under a shell, as somebody types it.
int shell(const std::string& words) {
  const std::string line =
      fmt::format("'{}' {} >'{}' 2>'{}'", TERSE_TOOLS, words, place("out"), place("err"));
  const int status = std::system(line.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
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
