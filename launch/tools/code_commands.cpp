#include <array>
#include <charconv>
#include <cmath>

#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/config/arguments.h"
#include "terse/tools/message_file.h"
#include "terse/tools/tools.h"

namespace terse {
namespace {

const std::array<Switch, 12> kEncodeSwitches = {{
    {"codec", "NAME", "one of terse codecs"},
    {"level", "X", "bits, density or rank, whichever the codec has"},
    {"bucket", "N", "elements that share a scale"},
    {"nearest", "", "round to nearest instead of at random"},
    {"sample-ratio", "X", "dgc: share of the elements that is sampled"},
    {"tensor", "NAME", "which tensor of the file"},
    {"seed", "N", "the key of the random numbers"},
    {"step", "N", ""},
    {"layer", "NAME", "name that keys the random numbers; the tensor's own by default"},
    {"rank", "N", ""},
    {"residual", "FILE", "also write what was not sent, as a tensor file"},
    {"help", "", "this text"},
}};

template <class T>
void read_number(const Arguments& arguments, const char* name, T& value) {
  const auto found = arguments.switches.find(name);
  if (found == arguments.switches.end()) return;
  const std::string& word = found->second;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size())
    fail<JobError>("--{} {} is not a number that fits there.", name, word);
}

std::string word_of(const Arguments& arguments, const char* name, const std::string& otherwise) {
  const auto found = arguments.switches.find(name);
  return found == arguments.switches.end() ? otherwise : found->second;
}

// What a line of text can carry.
void require_one_line(const std::string& name) {
  if (name.empty() || name.find('\n') != std::string::npos)
    fail<JobError>("--layer needs a name of one line.");
}

MessageNote note_of(const Arguments& arguments, const Tensor& tensor) {
  MessageNote note;
  note.codec.name = word_of(arguments, "codec", "");
  if (note.codec.name.empty())
    fail<JobError>("terse encode needs --codec NAME; terse codecs lists them.");
  note.level = default_level(codec_info(note.codec.name));
  read_number(arguments, "level", note.level);
  read_number(arguments, "bucket", note.codec.bucket);
  read_number(arguments, "sample-ratio", note.codec.sample_ratio);
  note.codec.stochastic = !arguments.switches.contains("nearest");
  note.layer = word_of(arguments, "layer", tensor.name.empty() ? "tensor" : tensor.name);
  require_one_line(note.layer);
  note.shape = tensor.shape;
  note.key.seed = 1;
  read_number(arguments, "seed", note.key.seed);
  read_number(arguments, "step", note.key.step);
  std::uint16_t rank = 0;  // as the header has it
  read_number(arguments, "rank", rank);
  note.key.rank = rank;
  return note;
}

double norm(std::span<const float> values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum);
}

}  // namespace

int encode_command(std::span<const std::string> words) {
  const Arguments arguments = parse_arguments(words, kEncodeSwitches);
  if (arguments.switches.contains("help")) {
    fmt::print(
        "terse encode TENSOR MESSAGE --codec NAME: a tensor file (.npy, .safetensors, .h5) "
        "as one rank would send it\n\n{}",
        help_text(kEncodeSwitches));
    return 0;
  }
  if (arguments.positional.size() != 2)
    fail<JobError>("terse encode takes two names: the tensor's file and the message's.");
  const Tensor tensor = read_tensor(arguments.positional[0], word_of(arguments, "tensor", ""));
  const MessageNote note = note_of(arguments, tensor);
  const EncodedTensor message = encode_tensor(tensor, note);
  write_message(arguments.positional[1], note, message);
  if (arguments.switches.contains("residual")) {
    write_tensor(arguments.switches.at("residual"),
                 {.name = note.layer, .shape = note.shape, .values = message.residual});
  }
  const auto n = static_cast<double>(tensor.values.size());
  const double whole = norm(tensor.values);
  fmt::print(
      "{} elements, {} bytes ({:.3f} bits an element), {} of them framing; error {:.4f} of "
      "the norm\n",
      tensor.values.size(), message.body.size() + message.head.size(),
      8 * static_cast<double>(message.body.size()) / n, message.head.size(),
      whole == 0 ? 0 : norm(message.residual) / whole);
  return 0;
}

int decode_command(std::span<const std::string> words) {
  const std::array<Switch, 1> switches = {{{"help", "", "this text"}}};
  const Arguments arguments = parse_arguments(words, switches);
  if (arguments.switches.contains("help")) {
    fmt::print(
        "terse decode MESSAGE TENSOR: what terse encode wrote, to a tensor file (.npy, "
        ".safetensors, .h5)\n");
    return 0;
  }
  if (arguments.positional.size() != 2)
    fail<JobError>("terse decode takes two names: the message's file and the tensor's.");
  write_tensor(arguments.positional[1], read_message(arguments.positional[0]));
  return 0;
}

}  // namespace terse
