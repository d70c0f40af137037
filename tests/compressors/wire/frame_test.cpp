#include "terse/compressors/wire/frame.h"

#include <cstddef>

#include "compressors/support.h"
#include "terse/base/crc32c.h"

namespace terse::test {
namespace {

constexpr std::size_t kCapacity = 100;
const std::vector<std::uint32_t> kTags{11, 22, 33};

Header name() {
  Header name;
  name.sender = 5;
  name.plan = 0xabcdef01;
  name.group = 3;
  name.round = 1;
  name.step = 1234;
  return name;
}

// A sealed message of three rows of 10, 0 and 31 bytes.
struct Message {
  Message() : frame(kTags, kCapacity), body(kCapacity) {
    frame.bind(body);
    for (const std::size_t length : {10u, 0u, 31u}) {
      for (std::size_t i = 0; i < length; ++i)
        frame.space()[i] = static_cast<std::byte>(7 * i + length);
      frame.end_row(length);
    }
    frame.seal(name());
  }
  Frame frame;
  Payload body;
};

// The error with which a receiver refuses these bytes, or an empty string.
std::string verdict(ConstBytes head, ConstBytes content, const Header& expected,
                    std::vector<std::uint32_t> tags = kTags) {
  Frame frame(std::move(tags), kCapacity);
  Payload body(kCapacity);
  frame.bind(body);
  std::memcpy(frame.head().data(), head.data(), std::min(head.size(), frame.head().size()));
  std::copy(content.begin(), content.end(), body.begin());
  try {
    frame.open(expected, content.size());
  } catch (const DamagedMessage& error) {
    return error.what();
  }
  return "";
}

void expect_refused(const std::string& verdict, const std::string& why) {
  EXPECT_NE(verdict.find("rank 5"), std::string::npos) << verdict;
  EXPECT_NE(verdict.find("step 1234"), std::string::npos) << verdict;
  EXPECT_NE(verdict.find(why), std::string::npos) << verdict;
}

TEST(Frame, OpensWhatWasSealed) {
  Message message;
  Frame frame(kTags, kCapacity);
  Payload body(kCapacity);
  frame.bind(body);
  std::memcpy(frame.head().data(), message.frame.head().data(), frame.head().size());
  const ConstBytes content = message.frame.content();
  std::copy(content.begin(), content.end(), body.begin());
  frame.open(name(), content.size());
  for (std::size_t row = 0; row < 3; ++row) {
    EXPECT_TRUE(std::ranges::equal(frame.payload(row), message.frame.payload(row)));
  }
  EXPECT_EQ(frame.payload(0).size(), 10u);
  EXPECT_EQ(frame.payload(1).size(), 0u);
  EXPECT_EQ(frame.payload(2).size(), 31u);
  EXPECT_EQ(frame.header().length, 41u);
}

TEST(Frame, FlagsTravelWithoutBeingExpected) {
  Message message;
  Header flagged = name();
  flagged.flags = kStopWanted;
  flagged.origin = 2;
  message.frame.seal(flagged);
  EXPECT_EQ(verdict(message.frame.head(), message.frame.content(), name()), "");
}

TEST(Frame, EveryFlippedBitIsRefused) {
  Message message;
  const std::size_t head_size = message.frame.head().size();
  Payload all(message.frame.head().begin(), message.frame.head().end());
  all.insert(all.end(), message.frame.content().begin(), message.frame.content().end());
  ASSERT_EQ(verdict(ConstBytes(all).first(head_size), ConstBytes(all).subspan(head_size), name()),
            "");
  for (std::size_t bit = 0; bit < 8 * all.size(); ++bit) {
    Payload damaged = all;
    damaged[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    expect_refused(verdict(ConstBytes(damaged).first(head_size),
                           ConstBytes(damaged).subspan(head_size), name()),
                   "cannot be used");
  }
}

TEST(Frame, EveryTruncationIsRefused) {
  Message message;
  for (std::size_t length = 0; length < message.frame.content().size(); ++length) {
    expect_refused(verdict(message.frame.head(), message.frame.content().first(length), name()),
                   "bytes");
  }
}

// A head with a valid checksum whose rows do not fit the body.
TEST(Frame, LengthsThatDoNotAddUpAreRefused) {
  Message message;
  const auto verdict_with = [&](std::size_t row, std::uint32_t length) {
    Payload head(message.frame.head().begin(), message.frame.head().end());
    store(head.data() + sizeof(Header) + row * kRowBytes + 4, length);
    store(head.data() + offsetof(Header, crc), std::uint32_t{0});
    store(head.data() + offsetof(Header, crc), crc32c(head));
    return verdict(head, message.frame.content(), name());
  };
  EXPECT_EQ(verdict_with(0, 10), "");
  for (const std::uint32_t length : {32u, 42u, 0x7fffffffu, 0xffffffffu}) {
    expect_refused(verdict_with(2, length), "longer than the message");
  }
  expect_refused(verdict_with(0, 42), "longer than the message");
  expect_refused(verdict_with(2, 30), "checksum of its row 2");
  Frame empty_rows({11, 22}, kCapacity);
  Payload body(kCapacity);
  empty_rows.bind(body);
  empty_rows.end_row(0);
  empty_rows.end_row(0);
  empty_rows.seal(name());
  Payload head(empty_rows.head().begin(), empty_rows.head().end());
  store(head.data() + offsetof(Header, length), std::uint32_t{5});
  store(head.data() + offsetof(Header, crc), std::uint32_t{0});
  store(head.data() + offsetof(Header, crc), crc32c(head));
  expect_refused(verdict(head, ConstBytes(body).first(5), name(), {11, 22}), "fill 0 of its 5");
}

TEST(Frame, ForeignMessagesAreRefusedByTheirName) {
  Message message;
  const auto refused = [&](auto change, const std::string& why) {
    Header foreign = name();
    change(foreign);
    message.frame.seal(foreign);
    expect_refused(verdict(message.frame.head(), message.frame.content(), name()), why);
  };
  refused([](Header& h) { h.magic = 0x46464952; }, "not a message of terse");
  refused([](Header& h) { h.version = 9; }, "wire version 9");
  refused([](Header& h) { h.sender = 6; }, "names rank 6");
  refused([](Header& h) { h.step = 1235; }, "step 1235");
  refused([](Header& h) { h.group = 4; }, "group 4");
  refused([](Header& h) { h.round = 0; }, "round 0");
  refused([](Header& h) { h.plan = 1; }, "plan");
}

TEST(Frame, OtherRowsAreRefused) {
  Message message;
  expect_refused(verdict(message.frame.head(), message.frame.content(), name(), {11, 23, 33}),
                 "row 1");
  Payload all(message.frame.head().begin(), message.frame.head().end());
  Frame two({11, 22}, kCapacity);
  Payload body(kCapacity);
  two.bind(body);
  two.end_row(1);
  two.end_row(1);
  two.seal(name());
  all.assign(two.head().begin(), two.head().end());
  all.resize(message.frame.head().size());
  EXPECT_NE(verdict(all, two.content(), name()), "");
}

TEST(Frame, TheTagOfARowDependsOnAllThatBothSidesMustAgreeOn) {
  Row row;
  row.layer = 1, row.first = 2, row.n = 3, row.level = 4;
  const std::uint32_t tag = row_tag(row);
  Row other = row;
  other.layer = 9;
  EXPECT_NE(row_tag(other), tag);
  other = row, other.first = 9;
  EXPECT_NE(row_tag(other), tag);
  other = row, other.n = 9;
  EXPECT_NE(row_tag(other), tag);
  other = row, other.level = 9;
  EXPECT_NE(row_tag(other), tag);
  other = row, other.slot = 9, other.frame = 9;
  EXPECT_EQ(row_tag(other), tag);
}

TEST(Frame, MisuseIsAnError) {
  Frame frame({1}, 8);
  Payload body(8);
  EXPECT_THROW(frame.bind(Bytes(body).first(7)), Error);
  frame.bind(body);
  EXPECT_THROW(frame.seal(name()), Error);
  EXPECT_THROW(frame.end_row(9), Error);
  frame.end_row(8);
  EXPECT_THROW(frame.end_row(0), Error);
  EXPECT_FALSE(Frame().present());
}

}  // namespace
}  // namespace terse::test
