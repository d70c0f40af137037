// Any bytes as a message file: it is refused with an Error, or decoded. The first byte is not part
// of it; if it is odd, the head is first rewritten to fit the note and the body, so that the checks
// after it are reached.
#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "terse/base/error.h"
#include "terse/base/hash.h"
#include "terse/launch/tools/files/message_file.h"

namespace {

using namespace terse;

constexpr std::uint32_t kMostElements = 1
                                        << 16;  // a short sparse message may validly have many more

// The value of the first line that begins with `word`.
std::string_view value_of(std::string_view text, std::string_view word) {
  const std::size_t at = text.find(fmt::format("\n{} ", word));
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + word.size() + 2);
  return text.substr(0, text.find('\n'));
}

template <class T>
T number(std::string_view word) {
  T value{};
  std::from_chars(word.data(), word.data() + word.size(), value);
  return value;
}

std::uint32_t elements_in(std::string_view shape) {
  std::vector<std::uint64_t> sizes;
  while (!shape.empty()) {
    const std::string_view word = shape.substr(0, shape.find(' '));
    sizes.push_back(number<std::uint64_t>(word));
    shape.remove_prefix(std::min(word.size() + 1, shape.size()));
  }
  return elements_of(sizes, "");
}

void fix_head(std::vector<std::byte>& file) {
  constexpr std::string_view kEnd = "\nend\n";
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const std::size_t head = text.find(kEnd) + kEnd.size(), body = head + sizeof(Header) + kRowBytes;
  if (text.find(kEnd) == std::string_view::npos || body > file.size()) return;
  const std::string_view note = text.substr(0, head);
  Row row;
  row.layer = hash64(value_of(note, "layer"));
  row.n = elements_in(value_of(note, "shape"));
  row.level = number<float>(value_of(note, "level"));
  if (row.n > kMostElements) return;
  Frame frame({row_tag(row)}, file.size() - body);
  frame.bind(Bytes(file).subspan(body));
  frame.end_row(file.size() - body);
  Header name;
  name.sender = number<std::uint16_t>(value_of(note, "rank"));
  name.step = number<std::uint64_t>(value_of(note, "step"));
  frame.seal(name);
  std::copy(frame.head().begin(), frame.head().end(),
            file.begin() + static_cast<std::ptrdiff_t>(head));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size));
  std::vector<std::byte> file(input.begin() + 1, input.end());
  try {
    if (data[0] % 2 == 1) fix_head(file);
    decode_message(file, "it");
  } catch (const Error&) {
  }
  return 0;
}
