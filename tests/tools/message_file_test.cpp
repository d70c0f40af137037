#include "terse/tools/message_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <cstring>

#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/base/random.h"
#include "terse/tools/tools.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;

Tensor noise(std::vector<std::uint32_t> shape) {
  std::uint32_t n = 1;
  for (const std::uint32_t size : shape) n *= size;
  const RandomStream stream(9, "tensor");
  Tensor tensor{.name = "layer.weight", .shape = std::move(shape), .values = {}};
  for (std::uint32_t i = 0; i < n; ++i)
    tensor.values.push_back(i % 11 == 0 ? -0.0f : stream.normal(i) * 0.01f);
  return tensor;
}

MessageNote note_of(const Tensor& tensor, const std::string& codec, float level) {
  MessageNote note;
  note.codec = {.name = codec, .bucket = 100};
  note.level = level;
  note.layer = "a layer.weight";
  note.shape = tensor.shape;
  note.key = {.seed = 3, .step = 77, .rank = 2};
  return note;
}

struct Case {
  const char* codec;
  float level;
};
constexpr Case kCases[] = {{"none", 0},     {"fp16", 0},   {"bf16", 0},
                           {"maxmin", 1},   {"maxmin", 3}, {"maxmin", 8},
                           {"topk", 0.01f}, {"topk", 1},   {"dgc", 0.1f}};

// The files are read by tests/parity/decode.py, too.
TEST(MessageFile, DecodesToTheTensorLessItsResidual) {
  const fs::path folder = fs::path(TERSE_BINARY_DIR) / "wire";
  fs::create_directories(folder);
  for (const auto& [codec, level] : kCases) {
    for (const std::vector<std::uint32_t>& shape :
         {std::vector<std::uint32_t>{1}, {17, 61}, {3, 23'333}}) {
      const Tensor tensor = noise(shape);
      const MessageNote note = note_of(tensor, codec, level);
      const EncodedTensor message = encode_tensor(tensor, note);
      const std::string stem = fmt::format("{}_{}_{}", codec, level, tensor.values.size());
      write_message(folder / (stem + ".message"), note, message);
      const Tensor back = read_message(folder / (stem + ".message"));
      write_tensor(folder / (stem + ".npy"), back);
      EXPECT_EQ(back.shape, tensor.shape);
      EXPECT_EQ(back.name, note.layer);
      for (std::size_t i = 0; i < back.values.size(); ++i)
        ASSERT_EQ(tensor.values[i] - back.values[i], message.residual[i]) << stem << " " << i;
    }
  }
}

TEST(MessageFile, DamageIsFound) {
  const Tensor tensor = noise({3, 5});
  const fs::path path = fs::path(TERSE_BINARY_DIR) / "damage.message";
  for (const auto& [codec, level] : kCases) {
    const MessageNote note = note_of(tensor, codec, level);
    write_message(path, note, encode_tensor(tensor, note));
    std::vector<std::byte> file = read_bytes(path);
    const Tensor good = decode_message(file, "file");
    for (std::size_t size = 0; size < file.size(); ++size) {
      const auto end = file.begin() + static_cast<std::ptrdiff_t>(size);
      EXPECT_THROW(decode_message({file.begin(), end}, "file"), Error) << codec << " " << size;
    }
    for (std::size_t at = 0; at < file.size(); ++at) {
      file[at] ^= std::byte{4};
      try {
        // Some words concern other codecs, the random numbers or how the shape is cut.
        EXPECT_EQ(decode_message(file, "file").values.size(), good.values.size()) << codec << at;
      } catch (const Error&) {
      }
      file[at] ^= std::byte{4};
    }
  }
}

// The most memory that this program ever had, in KB.
long peak() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(MessageFile, TakesNoMemoryForAPromise) {
  const Tensor tensor = noise({3, 5});
  MessageNote note = note_of(tensor, "topk", 1);
  const EncodedTensor message = encode_tensor(tensor, note);
  note.shape = {1 << 14, 1 << 14};
  const fs::path path = fs::path(TERSE_BINARY_DIR) / "promise.message";
  write_message(path, note, message);
  const long before = peak();
  EXPECT_THROW(read_message(path), DamagedMessage);
  EXPECT_LT(peak() - before, 64 * 1024);
}

TEST(MessageFile, RefusesLevelsThatNoCodecHas) {
  const Tensor tensor = noise({3, 5});
  const fs::path path = fs::path(TERSE_BINARY_DIR) / "level.message";
  MessageNote note = note_of(tensor, "terngrad", 0);
  const EncodedTensor message = encode_tensor(tensor, note);
  for (const float level : {-1.0f, 3.0f, 0x1p31f, 1e30f}) {
    note.level = level;
    write_message(path, note, message);
    EXPECT_THROW(read_message(path), JobError) << level;
  }
}

int tool(std::vector<std::string> words) { return run_tool(words).value(); }

TEST(Tools, EncodeAndDecodeFiles) {
  const std::string base = std::string(TERSE_BINARY_DIR) + "/tool";
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
  EXPECT_EQ(tool({"codecs"}), 0);
  EXPECT_FALSE(run_tool(std::vector<std::string>{"train"}).has_value());
}

TEST(Tools, RefuseInOneSentence) {
  const std::string base = std::string(TERSE_BINARY_DIR) + "/refused";
  write_tensor(base + ".npy", noise({8, 8}));
  const auto refused = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"encode", base + ".npy", base + ".message"};
    words.insert(words.end(), more.begin(), more.end());
    EXPECT_THROW(run_tool(words), JobError) << fmt::format("{}", fmt::join(more, " "));
  };
  refused({});
  refused({"--codec", "zip"});
  refused({"--codec", "maxmin", "--level", "9"});
  refused({"--codec", "maxmin", "--level", "4.5"});
  refused({"--codec", "maxmin", "--level", "x"});
  refused({"--codec", "maxmin", "--bucket", "0"});
  refused({"--codec", "topk", "--level", "0"});
  refused({"--codec", "topk", "--level", "nan"});
  refused({"--codec", "none", "--rank", "70000"});
  refused({"--codec", "none", "--layer", "a\nb"});
  Tensor bad = noise({8, 8});
  bad.values[3] = std::numeric_limits<float>::quiet_NaN();
  write_tensor(base + ".npy", bad);
  refused({"--codec", "topk"});
}

}  // namespace
}  // namespace terse::test
