// Writes the seeds of the fuzzers: fuzz_corpus FOLDER puts small valid inputs into FOLDER/<target>.
#include <filesystem>
#include <vector>

#include "shape.h"
#include "terse/base/file.h"
#include "terse/base/random.h"

namespace {

using namespace terse;

void append(std::vector<std::byte>& to, ConstBytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

std::vector<std::byte> encoded(const fuzz::Shape& shape, const std::string& name) {
  const auto codec = make_codec(fuzz::options_of(shape, name));
  const std::uint32_t n = fuzz::elements_of(shape);
  const RandomStream stream(1, "corpus");
  std::vector<float> grad(n), out(n);
  for (std::uint32_t i = 0; i < n; ++i) grad[i] = stream.normal(i);
  Row row;
  row.grad = grad.data();
  row.out = out.data();
  row.n = n;
  row.level = fuzz::level_of(shape, codec_info(name).level);
  row.frame = 0;
  std::vector<std::byte> body(codec->capacity(n, row.level)),
      scratch(codec->scratch(n, row.level) + 64);
  const auto address = reinterpret_cast<std::uintptr_t>(scratch.data());
  Mailbox box;
  box.emplace_back(std::vector<std::uint32_t>{0}, body.size());
  box[0].bind(body);
  codec->encode({&row, 1}, feedback::kNone, {}, box,
                {.scratch = Bytes(scratch).subspan(round_up(address, 64) - address)});
  std::vector<std::byte> input;
  append(input, std::as_bytes(std::span(&shape, 1)));
  append(input, box[0].content());
  return input;
}

std::vector<std::byte> framed(std::uint8_t mode, std::uint8_t rows) {
  std::vector<std::uint32_t> tags;
  for (std::uint32_t i = 0; i < rows; ++i) tags.push_back(i);
  Frame frame(tags, 512);
  std::vector<std::byte> body(512);
  frame.bind(body);
  for (std::size_t i = 0; i < rows; ++i) frame.end_row(7 * i);
  frame.seal(Header{});
  std::vector<std::byte> input{std::byte{mode}, std::byte{rows}};
  append(input, frame.head());
  append(input, frame.content());
  return input;
}

void write(const std::filesystem::path& folder, int number, const std::vector<std::byte>& input) {
  std::filesystem::create_directories(folder);
  write_beside(folder / std::to_string(number), input);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  for (std::uint8_t mode = 0; mode < 8; ++mode)
    write(folder / "frame", mode, framed(mode, static_cast<std::uint8_t>(mode % 4)));
  const fuzz::Shape shapes[] = {{0, 0, 0, 0}, {1, 3, 0, 0}, {17, 2, 7, 1}, {100, 25, 15, 5}};
  for (const char* name : {"none", "fp16", "bf16", "maxmin", "topk"}) {
    int number = 0;
    for (const fuzz::Shape& shape : shapes) write(folder / name, number++, encoded(shape, name));
  }
  // Two chunks.
  write(folder / "topk", 4, encoded({0xff00 + 200, 0, 0, 0}, "topk"));
  return 0;
}
