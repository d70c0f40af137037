#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "terse/base/error.h"
#include "terse/compressors/codec_options.h"
#include "terse/config/arguments.h"
#include "terse/config/text/ini.h"
#include "terse/launch/tools/files/message_file.h"
#include "terse/launch/tools/tools.h"

namespace terse {
namespace {

// As the command line writes it.
std::string dashed(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '_', '-');
  return text;
}

std::vector<Switch> encode_switches() {
  std::vector<Switch> all = {
      {"codec", "NAME", "one of terse codecs"},
      {"level", "X", "bits, density or rank, whichever the codec has; terngrad: ranks of a sum"},
      {"nearest", "", "as --rounding nearest"}};
  for (const CodecOption& option : codec_options())
    all.push_back({dashed(option.name), std::string(option.argument), std::string(option.meaning)});
  all.insert(all.end(),
             {{"tensor", "NAME", "which tensor of the file"},
              {"seed", "N", "the key of the random numbers"},
              {"step", "N", ""},
              {"layer", "NAME", "name that keys the random numbers; the tensor's own by default"},
              {"rank", "N", ""},
              {"residual", "FILE", "also write what was not sent, as a tensor file"},
              {"help", "", "this text"}});
  return all;
}

template <class T>
void read_number(const Arguments& arguments, const char* name, T& value) {
  const auto found = arguments.switches.find(name);
  if (found == arguments.switches.end()) return;
  const std::string& word = found->second;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size())
    fail<JobError>("--{} {} is not a number that fits there.", name, printable(word));
}

std::string word_of(const Arguments& arguments, const char* name, const std::string& otherwise) {
  const auto found = arguments.switches.find(name);
  return found == arguments.switches.end() ? otherwise : found->second;
}

void read_options(const Arguments& arguments, CodecOptions& options) {
  if (arguments.switches.contains("nearest")) options.stochastic = false;
  for (const CodecOption& option : codec_options()) {
    const auto found = arguments.switches.find(dashed(option.name));
    if (found != arguments.switches.end() && !option.assign(options, found->second))
      fail<JobError>("--{} {} is not a value that fits there; it takes {}.", found->first,
                     printable(found->second), option.argument);
  }
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
  read_options(arguments, note.codec);
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

int encode_command(std::span<const std::string> args) {
  const std::vector<Switch> switches = encode_switches();
  const Arguments arguments = parse_arguments(args, switches);
  if (arguments.switches.contains("help")) {
    fmt::print(
        "terse encode TENSOR MESSAGE --codec NAME: a tensor file (.npy, .safetensors, .h5) "
        "as one rank would send it\n\n{}",
        help_text(switches));
    return 0;
  }
  if (arguments.positional.size() != 2)
    fail<JobError>("terse encode takes two names: the tensor's file and the message's.");
  if (!arguments.overrides.empty())
    fail<JobError>("terse encode takes no keys of a job; {} is one.", arguments.overrides.front());
  // Before anything is written.
  if (arguments.switches.contains("residual"))
    require_tensor_name(arguments.switches.at("residual"));
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

int decode_command(std::span<const std::string> args) {
  const std::array<Switch, 1> switches = {{{"help", "", "this text"}}};
  const Arguments arguments = parse_arguments(args, switches);
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
