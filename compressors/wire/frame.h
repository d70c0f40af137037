// The wire format of messages. A message is a head of known size (a header of 40 bytes and 12 bytes
// for each row) and a body of at most an agreed capacity (the rows' payloads, one after another).
// Little-endian.
//
//   header  magic u32 | version u8 | flags u8 | sender u16 | plan u32 | group u16 | round u16 |
//           step u64 | rows u32 | length u32 (bytes of the body) |
//           origin u16 (the rank that first raised a flag) | zero u16 | crc u32
//   row     tag u32 (of layer, first element and level) | length u32 | crc u32 (of the payload)
//
// The header's crc covers the whole head, with the crc itself taken as zero. Nothing in a received
// message is used before open() has checked it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "terse/base/bytes.h"
#include "terse/compressors/row.h"

namespace terse {

// Flags in every header. They are sticky: once a rank has seen one, all its messages carry it.
enum Flag : std::uint8_t { kNonFinite = 1, kStopWanted = 2 };

struct Header {
  std::uint32_t magic = 0x31535254;  // "TRS1"
  std::uint8_t version = 1;
  std::uint8_t flags = 0;
  std::uint16_t sender = 0;
  std::uint32_t plan = 0;
  std::uint16_t group = 0, round = 0;
  std::uint64_t step = 0;
  std::uint32_t rows = 0;
  std::uint32_t length = 0;
  std::uint16_t origin = 0;
  std::uint16_t zero = 0;
  std::uint32_t crc = 0;
};
static_assert(sizeof(Header) == 40);

inline constexpr std::size_t kRowBytes = 12;

// Identifies a row on the wire: receiver and sender compute it from their own tables and must
// agree.
std::uint32_t row_tag(const Row& row);

// One message in memory: owns its head, and writes and reads its body in a buffer that bind()
// borrows. Not thread-safe.
class Frame {
 public:
  Frame() = default;
  // Tags of the rows in order, and the capacity of the body in bytes; both sides of a message
  // compute them from the plan.
  Frame(std::vector<std::uint32_t> tags, std::size_t capacity);

  bool present() const { return present_; }  // false for the rank itself in its own mailbox
  std::size_t rows() const { return tags_.size(); }
  std::size_t capacity() const { return capacity_; }
  void bind(Bytes body);  // body.size() >= capacity()

  // Writing: clear(), then each row's payload in order, then seal().
  void clear();
  Bytes space() const;               // the unused rest of the body
  void end_row(std::size_t length);  // makes the first `length` bytes of space() the next payload
  void seal(const Header& header);   // fills the head from `header`, the rows and their checksums

  // Reading: called after the transport has filled head() and the first `length` bytes of the body.
  // Throws DamagedMessage unless everything agrees with `expected` (sender, plan, group, round,
  // step, rows, tags, lengths, checksums); the sentence names the sender, the step and, if known,
  // the row.
  void open(const Header& expected, std::size_t length);
  ConstBytes payload(std::size_t slot) const;  // after seal() or open()
  const Header& header() const { return header_; }

  Bytes head() { return head_; }
  Bytes body() const { return body_; }  // capacity() bytes
  ConstBytes content() const { return body_.first(length_); }

 private:
  bool present_ = false;
  std::size_t capacity_ = 0;
  std::size_t length_ = 0;   // bytes of the body in use
  std::size_t written_ = 0;  // rows written
  Header header_;
  std::vector<std::uint32_t> tags_;
  std::vector<std::uint32_t> ends_;  // end of each row in the body
  std::vector<std::byte> head_;
  Bytes body_;
};

// One frame for each rank.
using Mailbox = std::vector<Frame>;

}  // namespace terse
