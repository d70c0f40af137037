// Writes the seeds of the fuzzers: fuzz_corpus FOLDER writes small valid inputs to FOLDER/<target>.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "fuzz/shape.h"
#include "terse/base/file.h"
#include "terse/base/random.h"
#include "terse/compressors/wire/indices.h"
#include "terse/launch/tools/files/message_file.h"

namespace {

using namespace terse;
using fuzz::Shape;
using Input = std::vector<std::byte>;

void append(Input& to, ConstBytes bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

template <class T>
void append_value(Input& to, const T& value) {
  append(to, std::as_bytes(std::span(&value, 1)));
}

class Folder {
 public:
  Folder(const std::filesystem::path& root, std::string_view target) : path_(root / target) {
    std::filesystem::create_directories(path_);
  }
  void add(const Input& input) { write_atomic(path_ / std::to_string(count_++), input); }

 private:
  std::filesystem::path path_;
  int count_ = 0;
};

std::vector<float> noise(std::uint32_t n) {
  const RandomStream stream(1, "corpus");
  std::vector<float> values(n);
  for (std::uint32_t i = 0; i < n; ++i) values[i] = stream.normal(i);
  return values;
}

Input encoded(const Shape& shape, const fuzz::PayloadKind& kind, std::uint32_t n) {
  const auto codec = codec_of(shape, kind);
  Row row = row_of(shape, kind, n);
  std::vector<float> grad = noise(row.n), out(row.n);
  if (kind.codec == "terngrad" && row.level > 0) {
    for (float& x : grad) x = std::clamp(std::round(x), -row.level, row.level);
  }
  row.grad = grad.data();
  row.out = out.data();
  row.frame = 0;
  std::vector<std::byte> body(codec->capacity(row.n, row.level)),
      scratch(codec->scratch(row.n, row.level) + 64);
  const auto address = reinterpret_cast<std::uintptr_t>(scratch.data());
  Mailbox box;
  box.emplace_back(std::vector<std::uint32_t>{0}, body.size());
  box[0].bind(body);
  codec->encode({&row, 1}, feedback::kNone, {}, box,
                {.scratch = Bytes(scratch).subspan(round_up(address, 64) - address)});
  Input input;
  append_value(input, shape);
  append(input, box[0].content());
  return input;
}

// Finds a salt for which elements_of() gives a large row.
Input large(Shape shape, const fuzz::PayloadKind& kind) {
  shape.flags |= fuzz::kLarge;
  Input input = encoded(shape, kind, 65536u - 128u + shape.n % 256u);
  for (int salt = 0; salt < 256; ++salt) {
    input[offsetof(Shape, salt)] = static_cast<std::byte>(salt);
    if (hash64(input) % 64 == 0) break;
  }
  return input;
}

void payload_seeds(const std::filesystem::path& root) {
  constexpr std::uint8_t kAll = fuzz::kAlone | fuzz::kOwn;
  for (const fuzz::Target& target : fuzz::kTargets) {
    Folder folder(root, target.name);
    for (std::uint8_t kind = 0; kind < target.kinds.size(); ++kind) {
      const Shape shapes[] = {{0, kind, 0, 0, 0, fuzz::kAlone, 0},
                              {17, kind, 2, 6, 1, fuzz::kAsSent | fuzz::kAlone | 64, 0},
                              {63, kind, 24, 15, 2, fuzz::kAsSent | 128, 0},
                              {0xc000 + 300, kind, 15, 31, 3, kAll, 0}};
      for (const Shape& shape : shapes)
        folder.add(encoded(shape, target.kinds[kind], elements_of(shape, {})));
    }
    if (target.name == "sparse")
      folder.add(large({200, 0, 0, 0, 0, fuzz::kAlone, 0}, target.kinds[0]));
  }
}

void index_seeds(const std::filesystem::path& root) {
  Folder folder(root, "indices");
  struct Case {
    std::uint32_t n, gap, count;
  };
  for (const auto& [n, gap, count] :
       {Case{0, 1, 0}, Case{40, 3, 1}, Case{300, 5, 60}, Case{3 * kChunk, 1300, 150},
        Case{0xffffffffu, 9'000'000, 300}}) {
    std::vector<std::uint32_t> indices;
    for (std::uint32_t i = 0; i < count; ++i)
      indices.push_back(i * gap + static_cast<std::uint32_t>(mix64(i) % gap));
    for (const Coding coding : kCodings) {
      const IndexCode code = code_of(coding, n, indices);
      if (code.bytes > 2000) continue;
      Input payload(code.bytes), input;
      write_indices(payload.data(), n, indices, code);
      append_value(input, n);
      append_value(input, count + 5);
      append(input, payload);
      folder.add(input);
    }
  }
}

void frame_seeds(const std::filesystem::path& root) {
  Folder folder(root, "frame");
  for (std::uint8_t mode = 0; mode < 8; ++mode) {
    const std::uint8_t rows = mode % 4;
    std::vector<std::uint32_t> tags;
    for (std::uint32_t i = 0; i < rows; ++i) tags.push_back(i);
    Frame frame(tags, 512);
    std::vector<std::byte> body(512);
    frame.bind(body);
    for (std::size_t i = 0; i < rows; ++i) frame.end_row(7 * i);
    frame.seal(Header{});
    Input input{std::byte{mode}, std::byte{rows}};
    append(input, frame.head());
    append(input, frame.content());
    folder.add(input);
  }
}

// Valid files, and files with an invalid level, number of elements or codec.
void message_seeds(const std::filesystem::path& root) {
  Folder folder(root, "message");
  struct Case {
    const char* codec;
    float level;
    const char *word = "", *instead = "";
  };
  for (const auto& [codec, level, word, instead] :
       {Case{"none", 0}, Case{"fp16", 0}, Case{"fp8", 0}, Case{"maxmin", 4}, Case{"qsgd", 3},
        Case{"natural", 0}, Case{"terngrad", 0}, Case{"ef_sign", 0}, Case{"topk", 0.1f},
        Case{"dgc", 0.5f}, Case{"topk_chunk", 1}, Case{"randomk", 0.25f},
        Case{"maxmin", 4, "level 4", "level 1e9"}, Case{"topk", 1, "level 1", "level nan"},
        Case{"terngrad", 0, "level 0", "level 2147483648"},
        Case{"terngrad", 0, "level 0", "level -1e30"}, Case{"dgc", 1, "level 1", "level 1e-30"},
        Case{"topk", 1, "shape 3 20", "shape 3 200000000"},
        Case{"topk", 1, "codec topk", "codec powersgd"}}) {
    MessageNote note;
    note.codec = {.name = codec, .bucket = 16};
    note.level = level;
    note.shape = {3, 20};
    note.key = {.seed = 1, .step = 2, .rank = 3};
    const std::filesystem::path path = root / "message" / "made";
    write_message(path, note, encode_tensor({"", note.shape, noise(60)}, note));
    std::string file = read_text(path);
    std::filesystem::remove(path);
    file.replace(file.find(word), std::string_view(word).size(), instead);
    for (const std::byte mended : {std::byte{0}, std::byte{1}}) {
      Input input{mended};
      append(input, std::as_bytes(std::span(file)));
      folder.add(input);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  payload_seeds(argv[1]);
  index_seeds(argv[1]);
  frame_seeds(argv[1]);
  message_seeds(argv[1]);
  return 0;
}
