#include "terse/launch/tools/files/message_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <bit>
#include <set>

#include "compressors/option_values.h"
#include "launch/tools/message_cases.h"
#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/compressors/codec_options.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;

std::string joined(const Shape& shape) { return fmt::format("{}", fmt::join(shape, "x")); }

void expect_rest(const Tensor& tensor, const Tensor& back, const std::vector<float>& residual) {
  ASSERT_EQ(back.values.size(), tensor.values.size());
  ASSERT_EQ(residual.size(), tensor.values.size());
  for (std::size_t i = 0; i < residual.size(); ++i) {
    const float v = tensor.values[i] + 0.0f;  // with a memory of zeros, which takes a -0 away
    const float rest = v - back.values[i];
    ASSERT_EQ(std::bit_cast<std::uint32_t>(rest), std::bit_cast<std::uint32_t>(residual[i])) << i;
  }
}

// The files are read by tests/parity/decode.py, too.
TEST(MessageFile, EveryCodecDecodesToTheTensorLessItsResidual) {
  const fs::path folder = fs::path(TERSE_BINARY_DIR) / "wire";
  fs::remove_all(folder);
  fs::create_directories(folder);
  std::set<std::byte> codings;
  int number = 0;
  for (const Case& one : cases()) {
    for (const Shape& shape : shapes(one.info())) {
      const Tensor tensor = tensor_for(one, shape);
      const MessageNote note = note_of(tensor, one);
      const EncodedTensor message = encode_tensor(tensor, note);
      const fs::path path =
          folder / fmt::format("{:03}_{}_{}.message", number++, one.name(), joined(shape));
      SCOPED_TRACE(path.stem().string());
      write_message(path, note, message);
      const Tensor back = read_message(path);
      write_tensor(fs::path(path).replace_extension(".npy"), back);
      EXPECT_EQ(back.shape, tensor.shape);
      EXPECT_EQ(back.name, note.layer);
      expect_rest(tensor, back, message.residual);
      if (one.info().family == "sparse") codings.insert(message.body.front());
    }
  }
  EXPECT_EQ(codings, (std::set{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}}));
}

// Bounds on the error of a codec at its level.
TEST(MessageFile, ExactCodecsLoseNothingAndOthersLittle) {
  const Tensor tensor = noise({17, 241});
  const auto loss = [&](const Case& one) {
    float most = 0;
    for (const float rest : encode_tensor(tensor, note_of(tensor, one)).residual)
      most = std::max(most, std::abs(rest));
    return most;
  };
  EXPECT_EQ(loss({{.name = "none"}}), 0);
  EXPECT_EQ(loss({{.name = "topk"}, 1}), 0);
  EXPECT_LE(loss({{.name = "powersgd"}, 17}), 1e-6f);
  EXPECT_LE(loss({{.name = "maxmin", .stochastic = false}, 8}), 0.15f / 255 / 2);
  EXPECT_LE(loss({{.name = "bf16"}}), 0.1f / 256);
}

TEST(MessageFile, ARankAboveTheMatrixIsRefused) {
  const Tensor tensor = noise({5, 13});
  const auto body = [&](float rank) {
    MessageNote note = note_of(tensor, {{.name = "powersgd"}, 1});
    note.level = rank;
    return encode_tensor(tensor, note).body;
  };
  EXPECT_EQ(body(5).size(), 5 * (5 + 13) * sizeof(float));
  EXPECT_EQ(body(4).size(), 4 * (5 + 13) * sizeof(float));
  EXPECT_THROW(body(6), JobError);
}

TEST(MessageFile, AllButTheFirstDimensionAreColumns) {
  const Tensor flat = noise({5, 12});
  Tensor folded = flat;
  folded.shape = {5, 3, 4};
  const Case one{{.name = "powersgd"}, 2};
  EXPECT_EQ(encode_tensor(folded, note_of(folded, one)).body,
            encode_tensor(flat, note_of(flat, one)).body);
}

std::vector<std::byte> bytes_of_file(const Tensor& tensor, const Case& one) {
  const fs::path path = fs::path(TERSE_BINARY_DIR) / "one.message";
  const MessageNote note = note_of(tensor, one);
  write_message(path, note, encode_tensor(tensor, note));
  return read_bytes(path);
}

TEST(MessageFile, DamageIsFound) {
  const Tensor tensor = noise({3, 5});
  for (const Case& one : cases()) {
    const Tensor whole = tensor_for(one, tensor.shape);
    std::vector<std::byte> file = bytes_of_file(whole, one);
    for (std::size_t size = 0; size < file.size(); ++size) {
      const auto end = file.begin() + static_cast<std::ptrdiff_t>(size);
      EXPECT_THROW(decode_message({file.begin(), end}, "file"), Error) << one.name() << " " << size;
    }
    for (std::size_t at = 0; at < file.size(); ++at) {
      file[at] ^= std::byte{4};
      try {
        // Some lines concern other codecs, the random numbers or how the shape is cut.
        EXPECT_EQ(decode_message(file, "file").values.size(), 15u) << one.name() << at;
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
  MessageNote note = note_of(tensor, {{.name = "topk"}, 1});
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
  MessageNote note = note_of(tensor, {{.name = "terngrad"}, 0});
  const EncodedTensor message = encode_tensor(tensor, note);
  for (const float level : {-1.0f, 2.5f, 0x1p31f, 1e30f}) {
    note.level = level;
    write_message(path, note, message);
    EXPECT_THROW(read_message(path), JobError) << level;
  }
}

class Note : public testing::Test {
 protected:
  // The message with a part of its note replaced.
  Tensor decoded(const std::string& from, const std::string& to) const {
    const std::string_view text(reinterpret_cast<const char*>(file_.data()), file_.size());
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string_view::npos) << from;
    std::vector<std::byte> changed(file_.begin(), file_.begin() + static_cast<std::ptrdiff_t>(at));
    for (const char c : to) changed.push_back(static_cast<std::byte>(c));
    changed.insert(changed.end(), file_.begin() + static_cast<std::ptrdiff_t>(at + from.size()),
                   file_.end());
    return decode_message(changed, "file");
  }

  const Tensor tensor_ = noise({5, 13});
  const std::vector<std::byte> file_ = bytes_of_file(tensor_, {{.name = "maxmin"}, 4});
};

TEST_F(Note, AnOptionThatIsNotSaidHasItsDefault) {
  const Tensor whole = decode_message(file_, "file");
  EXPECT_EQ(decoded(text_of(CodecOptions{}), "").values, whole.values);
  EXPECT_EQ(decoded("bucket 512\n", "").values, whole.values);
  EXPECT_THROW(decoded("bucket 512\n", "bucket 64\n"), Error);
}

TEST_F(Note, WhatTheFormatDoesNotKnowIsDamage) {
  EXPECT_THROW(decoded("bucket 512", "bukket 512"), Error);
  EXPECT_THROW(decoded("bucket 512", "bucket 512\nbucket 512"), Error);
  EXPECT_THROW(decoded("bucket 512", "bucket -1"), Error);
  EXPECT_THROW(decoded("rounding stochastic", "rounding sideways"), Error);
  EXPECT_THROW(decoded("max_norm false", "max_norm no"), Error);
  EXPECT_THROW(decoded("level 4", ""), Error);
  EXPECT_THROW(decoded("level 4", "level nan"), Error);
  EXPECT_THROW(decoded("codec maxmin", "codec powersgd"), Error);
  EXPECT_THROW(decoded("codec maxmin", "codec fp16"), Error);
  EXPECT_THROW(decoded("shape 5 13", "shape 65 0"), Error);
}

TEST(MessageFile, SaysEveryOption) {
  CodecOptions options{.name = "randomk"};
  for (const CodecOption& option : codec_options()) options = with_other_value(option, options);
  const std::vector<std::byte> file = bytes_of_file(noise({5, 13}), {options, 0.5f});
  const std::string text(reinterpret_cast<const char*>(file.data()), file.size());
  for (const CodecOption& option : codec_options()) {
    const std::string line = fmt::format("\n{} {}\n", option.name, other_value(option));
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(decode_message(file, "file").values.size(), 65u);
}

}  // namespace
}  // namespace terse::test
