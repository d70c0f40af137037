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

// The flag of an option.
std::string dashed(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '_', '-');
  return text;
}

std::vector<Switch> encode_switches() {
  std::vector<Switch> all = {
      {"codec", "NAME", "name of a codec; terse codecs lists them"},
      {"level", "X",
       "bits, density or rank, whichever the codec has; terngrad: number of ranks in a sum"},
      {"nearest", "", "same as --rounding nearest"}};
  for (const CodecOption& option : codec_options())
    all.push_back({dashed(option.name), option.argument,
                   fmt::format("{} [{}]", option.meaning, option.allowed)});
  all.insert(
      all.end(),
      {{"tensor", "NAME", "the tensor to read, in a file of several"},
       {"seed", "N", "seed of the random numbers; 1 by default"},
       {"step", "N", "step of training, which keys the random numbers; 0 by default"},
       {"layer", "NAME", "layer name, which keys the random numbers; the tensor's name by default"},
       {"rank", "N", "sending rank, which keys the random numbers; 0 by default"},
       {"residual", "FILE", "also write the residual, what was not sent, as a tensor file"},
       {"help", "", "print this text"}});
  return all;
}

template <class T>
void read_number(const Arguments& arguments, const char* name, T& value) {
  const std::optional<std::string> text = arguments.value(name);
  if (!text) return;
  const char* const last = text->data() + text->size();
  const auto [end, error] = std::from_chars(text->data(), last, value);
  if (error != std::errc() || end != last)
    fail<JobError>("--{} must be a number in range, not \"{}\".", name, printable(*text));
}

void read_options(const Arguments& arguments, CodecOptions& options) {
  if (arguments.has("nearest")) options.stochastic = false;
  for (const CodecOption& option : codec_options()) {
    const std::string name = dashed(option.name);
    const std::optional<std::string> text = arguments.value(name);
    if (text && !option.assign(options, *text))
      fail<JobError>("--{} must be {}, not \"{}\".", name, option.allowed, printable(*text));
  }
}

// A message file gives the name one line.
void require_one_line(const std::string& name) {
  if (name.empty() || name.find('\n') != std::string::npos)
    fail<JobError>("--layer needs a name of one line.");
}

MessageNote note_of(const Arguments& arguments, const Tensor& tensor) {
  MessageNote note;
  note.codec.name = arguments.value("codec").value_or("");
  if (note.codec.name.empty())
    fail<JobError>("terse encode needs --codec NAME; terse codecs lists them.");
  note.level = default_level(codec_info(note.codec.name));
  read_number(arguments, "level", note.level);
  read_options(arguments, note.codec);
  note.layer = arguments.value("layer").value_or(tensor.name.empty() ? "tensor" : tensor.name);
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
  if (arguments.has("help")) {
    fmt::print(
        "terse encode TENSOR MESSAGE --codec NAME: encodes a tensor file (.npy, .safetensors, .h5) "
        "as one rank would send it\n\n{}",
        help_text(switches));
    return 0;
  }
  if (arguments.positional.size() != 2)
    fail<JobError>("terse encode takes two names: the tensor file and the message file.");
  // Checked before anything is written.
  const std::optional<std::string> residual = arguments.value("residual");
  if (residual) require_tensor_name(*residual);
  const Tensor tensor =
      read_tensor(arguments.positional[0], arguments.value("tensor").value_or(""));
  const MessageNote note = note_of(arguments, tensor);
  const EncodedTensor message = encode_tensor(tensor, note);
  write_message(arguments.positional[1], note, message);
  if (residual) {
    write_tensor(*residual, {.name = note.layer, .shape = note.shape, .values = message.residual});
  }
  const auto n = static_cast<double>(tensor.values.size());
  const double tensor_norm = norm(tensor.values);
  fmt::print(
      "{} elements, {} bytes ({:.3f} bits an element), {} of them framing; error {:.4f} of "
      "the norm\n",
      tensor.values.size(), message.body.size() + message.head.size(),
      8 * static_cast<double>(message.body.size()) / n, message.head.size(),
      tensor_norm == 0 ? 0 : norm(message.residual) / tensor_norm);
  return 0;
}

int decode_command(std::span<const std::string> args) {
  const std::array<Switch, 1> switches = {{{"help", "", "print this text"}}};
  const Arguments arguments = parse_arguments(args, switches);
  if (arguments.has("help")) {
    fmt::print(
        "terse decode MESSAGE TENSOR: decodes a file of terse encode to a tensor file (.npy, "
        ".safetensors, .h5)\n");
    return 0;
  }
  if (arguments.positional.size() != 2)
    fail<JobError>("terse decode takes two names: the message file and the tensor file.");
  write_tensor(arguments.positional[1], read_message(arguments.positional[0]));
  return 0;
}

}  // namespace terse
