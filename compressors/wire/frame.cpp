#include "terse/compressors/wire/frame.h"

#include <cstring>
#include <string_view>

#include "terse/base/crc32c.h"
#include "terse/base/error.h"
#include "terse/base/random.h"

namespace terse {
namespace {

struct RowRecord {
  std::uint32_t tag, length, crc;
};
static_assert(sizeof(RowRecord) == kRowBytes);

std::uint32_t head_crc(ConstBytes head) {
  constexpr std::size_t kAt = offsetof(Header, crc);
  constexpr std::uint32_t kZero = 0;
  std::uint32_t crc = crc32c(head.first(kAt));
  crc = crc32c(std::as_bytes(std::span(&kZero, 1)), crc);
  return crc32c(head.subspan(sizeof(Header)), crc);
}

[[noreturn]] void throw_damaged(const Header& expected, std::string_view what) {
  fail<DamagedMessage>(
      "the message of rank {} for step {} (group {}, round {}) cannot be used: {}. "
      "The link or the memory of one of the two machines alters data, or another program sends to "
      "these ranks.",
      expected.sender, expected.step, expected.group, expected.round, what);
}

void check_identity(const Header& got, const Header& expected) {
  if (got.magic != expected.magic) throw_damaged(expected, "it is not a message of terse");
  if (got.version != expected.version) {
    throw_damaged(expected, fmt::format("it has wire version {}, and this program has {}",
                                        got.version, expected.version));
  }
  if (got.sender != expected.sender || got.step != expected.step || got.group != expected.group ||
      got.round != expected.round) {
    throw_damaged(
        expected,
        fmt::format(
            "its header names rank {}, step {}, group {}, round {}: the ranks are out of step",
            got.sender, got.step, got.group, got.round));
  }
  if (got.plan != expected.plan) {
    throw_damaged(expected,
                  fmt::format("its plan is {:08x} and ours is {:08x}", got.plan, expected.plan));
  }
}

}  // namespace

std::uint32_t row_tag(const Row& row) {
  return static_cast<std::uint32_t>(
      combine(row.layer, row.first, row.n, std::bit_cast<std::uint32_t>(row.level)));
}

Frame::Frame(std::vector<std::uint32_t> tags, std::size_t capacity)
    : present_(true),
      capacity_(capacity),
      tags_(std::move(tags)),
      ends_(tags_.size()),
      head_(sizeof(Header) + kRowBytes * tags_.size()) {}

void Frame::bind(Bytes body) {
  if (body.size() < capacity_)
    fail("a frame of {} bytes cannot use a body of {}.", capacity_, body.size());
  body_ = body.first(capacity_);
}

void Frame::clear() { written_ = length_ = 0; }

Bytes Frame::space() const { return body_.subspan(length_); }

void Frame::end_row(std::size_t length) {
  if (written_ == tags_.size() || length > capacity_ - length_) {
    fail("a codec wrote past its frame: row {} of {}, {} bytes where {} are left.", written_,
         tags_.size(), length, capacity_ - length_);
  }
  length_ += length;
  ends_[written_++] = static_cast<std::uint32_t>(length_);
}

void Frame::seal(const Header& header) {
  if (written_ != tags_.size())
    fail("a frame was sealed with {} of its {} rows.", written_, tags_.size());
  for (std::size_t i = 0; i < tags_.size(); ++i) {
    const ConstBytes row = payload(i);
    store(head_.data() + sizeof(Header) + i * kRowBytes,
          RowRecord{tags_[i], static_cast<std::uint32_t>(row.size()), crc32c(row)});
  }
  header_ = header;
  header_.rows = static_cast<std::uint32_t>(tags_.size());
  header_.length = static_cast<std::uint32_t>(length_);
  header_.crc = 0;
  store(head_.data(), header_);
  header_.crc = head_crc(head_);
  store(head_.data(), header_);
}

void Frame::open(const Header& expected, std::size_t length) {
  header_ = load<Header>(head_.data());
  if (header_.magic != expected.magic) throw_damaged(expected, "it is not a message of terse");
  if (header_.crc != head_crc(head_))
    throw_damaged(expected, "the checksum of its header is wrong");
  check_identity(header_, expected);
  if (header_.rows != tags_.size())
    throw_damaged(expected, fmt::format("it has {} rows, not {}", header_.rows, tags_.size()));
  if (header_.length != length || length > capacity_) {
    throw_damaged(expected, fmt::format("its header announces {} bytes and {} arrived (at most {})",
                                        header_.length, length, capacity_));
  }
  length_ = length;
  std::size_t end = 0;
  for (std::size_t i = 0; i < tags_.size(); ++i) {
    const auto record = load<RowRecord>(head_.data() + sizeof(Header) + i * kRowBytes);
    if (record.tag != tags_[i])
      throw_damaged(expected, fmt::format("its row {} belongs to another layer or level", i));
    if (record.length > length - end)
      throw_damaged(expected, fmt::format("its row {} is longer than the message", i));
    if (record.crc != crc32c(content().subspan(end, record.length))) {
      throw_damaged(expected, fmt::format("the checksum of its row {} is wrong", i));
    }
    end += record.length;
    ends_[i] = static_cast<std::uint32_t>(end);
  }
  if (end != length)
    throw_damaged(expected, fmt::format("its rows fill {} of its {} bytes", end, length));
  written_ = tags_.size();
}

ConstBytes Frame::payload(std::size_t slot) const {
  const std::size_t begin = slot == 0 ? 0 : ends_[slot - 1];
  return ConstBytes(body_).subspan(begin, ends_[slot] - begin);
}

}  // namespace terse
