#include "terse/base/crc32c.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "terse/base/random.h"

namespace terse {
namespace {

ConstBytes view(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Crc32c, KnownAnswer) {  // RFC 3720, B.4, and the usual check value
  EXPECT_EQ(crc32c(view("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c_portable(view("123456789")), 0xE3069283u);
  const std::vector<std::byte> zeros(32);
  EXPECT_EQ(crc32c(zeros), 0x8A9136AAu);
}

TEST(Crc32c, InstructionEqualsTablesAtEveryLengthAndOffset) {
  std::vector<std::byte> bytes(70000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(mix64(i));
  for (const std::size_t size : {0, 1, 7, 8, 9, 4095, 16383, 16384, 16385, 33000, 69990}) {
    for (const std::size_t offset : {0, 1, 3, 8}) {
      const ConstBytes part = ConstBytes(bytes).subspan(offset, size);
      EXPECT_EQ(crc32c(part), crc32c_portable(part)) << size << " at " << offset;
    }
  }
}

TEST(Crc32c, Chains) {
  const std::string_view text = "terse moves few bytes";
  EXPECT_EQ(crc32c(view(text)), crc32c(view(text.substr(5)), crc32c(view(text.substr(0, 5)))));
}

}  // namespace
}  // namespace terse
