// Any bytes as a message: open() refuses it or returns payloads that lie inside it. The first byte
// selects whether checksums are corrected first, so that the checks after them are reached; the
// second is the number of expected rows.
#include "terse/compressors/wire/frame.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <vector>

#include "terse/base/crc32c.h"
#include "terse/base/error.h"

namespace {

using namespace terse;

constexpr std::size_t kCapacity = 512;

void fix_checksums(Bytes head, ConstBytes body, std::size_t rows) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    std::byte* const record = head.data() + sizeof(Header) + i * kRowBytes;
    const auto length = load<std::uint32_t>(record + 4);
    if (length > body.size() - at) break;
    store(record + 8, crc32c(body.subspan(at, length)));
    at += length;
  }
  store(head.data() + offsetof(Header, crc), std::uint32_t{0});
  store(head.data() + offsetof(Header, crc), crc32c(head));
}

void open(ConstBytes input) {
  const auto mode = static_cast<unsigned>(input[0]);
  const std::size_t rows = static_cast<std::size_t>(input[1]) % 8;
  input = input.subspan(2);
  std::vector<std::uint32_t> tags(rows);
  std::iota(tags.begin(), tags.end(), 0u);
  Frame frame(tags, kCapacity);
  const Bytes head = frame.head();
  if (input.size() < head.size()) return;
  std::memcpy(head.data(), input.data(), head.size());
  input = input.subspan(head.size());
  // The transport provides a body of the capacity and a received length, which may be too large.
  std::vector<std::byte> body(kCapacity);
  std::memcpy(body.data(), input.data(), std::min(input.size(), kCapacity));
  frame.bind(body);
  if (mode % 2 == 1) fix_checksums(head, body, rows);
  Header expected = load<Header>(head.data());
  if (mode % 4 < 2) expected = Header{};
  expected.magic = Header{}.magic;
  try {
    frame.open(expected, mode % 8 < 4 ? expected.length : input.size());
  } catch (const DamagedMessage&) {
    return;
  }
  std::uint32_t crc = 0;
  for (std::size_t i = 0; i < rows; ++i) crc = crc32c(frame.payload(i), crc);
  if (crc32c(frame.content()) != crc) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size >= 2) open(std::as_bytes(std::span(data, size)));
  return 0;
}
