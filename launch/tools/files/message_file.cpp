#include "terse/launch/tools/files/message_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>

#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/base/hash.h"
#include "terse/compressors/codec_options.h"

namespace terse {
namespace {

constexpr std::string_view kTitle = "terse message 1\n", kEnd = "end\n";

constexpr float kOne = 1;

// Throws JobError where the codec has no such level or cannot take the shape.
Row row_of(const MessageNote& note, const Codec& codec, std::uint32_t n) {
  const bool shares_scale = codec.traits().shares_scale;
  codec.check(note.level, feedback::kNone);
  const Level level_type = codec_info(codec.name()).level;
  if (level_type == Level::none && !shares_scale && note.level != 0)
    fail<JobError>("codec {} has no level, and {} was given.", codec.name(), note.level);
  Row row;
  row.layer = hash64(note.layer);
  row.n = n;
  row.level = note.level;
  row.frame = 0;
  if (level_type == Level::rank) {
    if (note.shape.size() < 2)
      fail<JobError>("codec {} takes matrices, and the tensor has one dimension.", codec.name());
    row.n0 = note.shape[0];
    row.n1 = n / row.n0;
    if (const std::uint32_t max_rank = std::min(row.n0, row.n1);
        note.level > static_cast<float>(max_rank)) {
      fail<JobError>(
          "codec {} cannot keep {} vectors of a matrix of {} x {}: it has a rank of at most {}.",
          codec.name(), note.level, row.n0, row.n1, max_rank);
    }
  }
  // Sums over ranks are integer multiples of the shared scale.
  if (shares_scale && note.level > 0) row.shared = &kOne;
  return row;
}

void require_integers(const Tensor& tensor, float limit) {
  for (const float value : tensor.values) {
    if (value >= -limit && value <= limit && value == std::floor(value)) continue;
    fail<JobError>("at level {0} tensors hold whole numbers from -{0} to {0}, not {1}.", limit,
                   value);
  }
}

Header name_of(const MessageNote& note) {
  Header name;
  name.sender = static_cast<std::uint16_t>(note.key.rank);
  name.step = note.key.step;
  return name;
}

// The codec's scratch memory, 64-byte aligned.
class Workspace {
 public:
  Workspace(const Codec& codec, const Row& row)
      : memory_(codec.scratch(row.n, row.level) + 64), bytes_(codec.scratch(row.n, row.level)) {}
  Bytes bytes() {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    return Bytes(memory_).subspan(round_up(address, 64) - address, bytes_);
  }

 private:
  std::vector<std::byte> memory_;
  std::size_t bytes_;
};

std::string text_of(const MessageNote& note) {
  return fmt::format("{}codec {}\n{}level {}\nlayer {}\nshape {}\nseed {}\nstep {}\nrank {}\n{}",
                     kTitle, note.codec.name, text_of(note.codec), note.level, note.layer,
                     fmt::join(note.shape, " "), note.key.seed, note.key.step, note.key.rank, kEnd);
}

// The lines of a note by key; each can be taken once.
class Lines {
 public:
  Lines(std::string_view text, const std::string& where) : where_(where) {
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(line.size() + 1);
      const std::size_t space = line.find(' ');
      if (space == std::string_view::npos) fail("{} is damaged: a line has no value.", where);
      const std::string_view key = line.substr(0, space);
      if (!lines_.emplace(key, line.substr(space + 1)).second)
        fail("{} is damaged: it says its {} twice.", where, key);
    }
  }

  std::optional<std::string_view> find(std::string_view key) {
    const auto line = lines_.extract(key);
    return line.empty() ? std::nullopt : std::optional(line.mapped());
  }
  std::string_view text(std::string_view key) {
    const auto found = find(key);
    if (!found) fail("{} is damaged: it does not say its {}.", where_, key);
    return *found;
  }
  template <class T>
  T number(std::string_view key) {
    return parse<T>(key, text(key));
  }
  std::vector<std::uint64_t> sizes(std::string_view key) {
    std::vector<std::uint64_t> list;
    for (std::string_view rest = text(key); !rest.empty();) {
      const std::string_view item = rest.substr(0, rest.find(' '));
      list.push_back(parse<std::uint64_t>(key, item));
      rest.remove_prefix(std::min(item.size() + 1, rest.size()));
    }
    return list;
  }
  // Throws where a line is left.
  void end() const {
    if (!lines_.empty())
      fail("{} is damaged: message files have no line '{}'.", where_, lines_.begin()->first);
  }
  [[noreturn]] void damaged(std::string_view key, std::string_view value) const {
    fail("{} is damaged: its {} is '{}'.", where_, key, value);
  }

 private:
  template <class T>
  T parse(std::string_view key, std::string_view text) const {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) damaged(key, text);
    return value;
  }

  const std::string& where_;
  std::map<std::string_view, std::string_view> lines_;
};

// An option that the file leaves out has its default.
CodecOptions options_of(Lines& lines) {
  CodecOptions options{.name = std::string(lines.text("codec"))};
  for (const CodecOption& option : codec_options()) {
    const auto value = lines.find(option.name);
    if (value && !option.assign(options, *value)) lines.damaged(option.name, *value);
  }
  return options;
}

MessageNote note_of(std::string_view text, const std::string& where) {
  Lines lines(text, where);
  MessageNote note;
  note.codec = options_of(lines);
  note.level = lines.number<float>("level");
  note.layer = lines.text("layer");
  const auto shape = lines.sizes("shape");
  elements_of(shape, where);
  note.shape = {shape.begin(), shape.end()};
  note.key = {.seed = lines.number<std::uint64_t>("seed"),
              .step = lines.number<std::uint64_t>("step"),
              .rank = lines.number<std::uint16_t>("rank")};
  lines.end();
  return note;
}

struct Opened {
  std::vector<std::byte> body;
  Mailbox box;
};

// The row's tag, which covers the shape, is verified before memory of that shape is allocated.
Opened open_message(const MessageNote& note, const Codec& codec, const Row& row, ConstBytes message,
                    const std::string& where) {
  constexpr std::size_t kHead = sizeof(Header) + kRowBytes;
  if (message.size() < kHead) fail<DamagedMessage>("{} was cut off.", where);
  const std::size_t capacity = codec.capacity(row.n, row.level), length = message.size() - kHead;
  if (length > capacity || (codec.traits().fixed_size && length < capacity)) {
    fail<DamagedMessage>("{} has {} bytes of payload, and its codec needs {}.", where, length,
                         capacity);
  }
  Opened opened{.body = {message.begin() + kHead, message.end()}, .box = {}};
  Frame& frame = opened.box.emplace_back(std::vector<std::uint32_t>{row_tag(row)}, length);
  std::copy_n(message.begin(), kHead, frame.head().begin());
  frame.bind(opened.body);
  frame.open(name_of(note), length);
  return opened;
}

}  // namespace

float default_level(const CodecInfo& info) {
  if (info.level == Level::bits) return 8;
  if (info.level == Level::density) return 0.001f;
  return info.level == Level::none ? 0.0f : 4.0f;
}

EncodedTensor encode_tensor(const Tensor& tensor, const MessageNote& note) {
  const auto codec = make_codec(note.codec);
  Row row = row_of(note, *codec, static_cast<std::uint32_t>(tensor.values.size()));
  if (row.shared != nullptr) require_integers(tensor, note.level);
  EncodedTensor result;
  result.residual.resize(tensor.values.size());
  std::vector<float> out(tensor.values.size());
  row.grad = tensor.values.data();
  row.out = out.data();
  row.e_out = result.residual.data();
  result.body.resize(codec->capacity(row.n, row.level));
  Mailbox box;
  box.emplace_back(std::vector<std::uint32_t>{row_tag(row)}, result.body.size());
  box[0].bind(result.body);
  Workspace workspace(*codec, row);
  std::int64_t bad = -1;
  // Also for codecs without a residual in training: the residual is what was lost.
  codec->encode({&row, 1}, feedback::kClassic, note.key, box,
                {.scratch = workspace.bytes(), .bad_row = &bad});
  if (bad >= 0) {
    fail<JobError>("the tensor holds a NaN, an Inf or a value that {} cannot hold.",
                   note.codec.name);
  }
  box[0].seal(name_of(note));
  const Bytes head = box[0].head();
  result.head.assign(head.begin(), head.end());
  result.body.resize(box[0].content().size());
  return result;
}

void write_message(const std::filesystem::path& path, const MessageNote& note,
                   const EncodedTensor& message) {
  const std::string text = text_of(note);
  const auto* const start = reinterpret_cast<const std::byte*>(text.data());
  std::vector<std::byte> file(start, start + text.size());
  file.insert(file.end(), message.head.begin(), message.head.end());
  file.insert(file.end(), message.body.begin(), message.body.end());
  write_atomic(path, file);
}

Tensor decode_message(const std::vector<std::byte>& file, const std::string& where) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const std::size_t end = text.find("\nend\n");
  if (!text.starts_with(kTitle) || end == std::string_view::npos)
    fail("{} is not a message file of terse.", where);
  const std::size_t begin = std::min(kTitle.size(), end + 1);
  const MessageNote note = note_of(text.substr(begin, end + 1 - begin), where);
  const auto codec = make_codec(note.codec);
  Row row = row_of(note, *codec, elements_of({note.shape.begin(), note.shape.end()}, where));
  row.shared = nullptr;  // the message holds the scale
  const Opened message =
      open_message(note, *codec, row, ConstBytes(file).subspan(end + 1 + kEnd.size()), where);
  Tensor tensor{.name = note.layer, .shape = note.shape, .values = std::vector<float>(row.n)};
  row.out = tensor.values.data();
  Workspace workspace(*codec, row);
  codec->decode({&row, 1}, message.box, 1, feedback::kNone, {.scratch = workspace.bytes()});
  return tensor;
}

Tensor read_message(const std::filesystem::path& path) {
  return decode_message(read_bytes(path), path.string());
}

}  // namespace terse
