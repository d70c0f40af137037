// A payload of any bytes: it is refused as damaged, or decoded without touching memory that is not
// its own.
#include <array>
#include <vector>

#include "shape.h"
#include "terse/base/error.h"

namespace {

using namespace terse;

// Memory of exactly the size that a codec asked for, 64-byte aligned at its start; its end is the
// allocation's end, as far as alignment allows.
struct Workspace {
  explicit Workspace(std::size_t bytes) : memory(bytes + 64), size(bytes) {}
  Bytes bytes() {
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    return Bytes(memory).subspan(round_up(address, 64) - address, size);
  }
  std::vector<std::byte> memory;
  std::size_t size;
};

Frame received(std::vector<std::byte>& payload) {
  Frame frame({0}, payload.size());
  frame.bind(payload);
  frame.end_row(payload.size());
  return frame;
}

void decode(const fuzz::Shape& shape, ConstBytes bytes) {
  const CodecInfo& info = codec_info(TERSE_FUZZ_CODEC);
  const auto codec = make_codec(fuzz::options_of(shape, TERSE_FUZZ_CODEC));
  std::vector<std::byte> payload(bytes.begin(), bytes.end());
  Mailbox in;
  for (int i = 0; i < 1 + shape.frames % 3; ++i) in.push_back(received(payload));
  Row row;
  row.n = fuzz::elements_of(shape);
  row.level = fuzz::level_of(shape, info.level);
  row.frame = shape.frames == 0 ? std::int16_t{0} : kEvery;
  std::vector<float> out(row.n);
  row.out = out.data();
  Workspace workspace(codec->scratch(row.n, row.level));
  try {
    codec->decode({&row, 1}, in, 0.5f, feedback::kNone, {.scratch = workspace.bytes()});
  } catch (const DamagedMessage&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < fuzz::kShapeBytes) return 0;
  const auto input = std::as_bytes(std::span(data, size));
  decode(load<fuzz::Shape>(input.data()), input.subspan(fuzz::kShapeBytes));
  return 0;
}
