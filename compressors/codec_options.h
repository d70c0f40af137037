// The options of the codecs, one row each. Job keys, the flags of terse encode, help, message files
// and a plan's hash all follow from these rows: a new option is a field of CodecOptions and a row.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "terse/compressors/codec.h"

namespace terse {

// Selects codecs of the registry.
using CodecFilter = std::function<bool(const CodecInfo&)>;
CodecFilter has_level(Level level);
CodecFilter has_feedback(std::string_view name);  // is published with this feedback

// The selected codecs in registry order, and the same as help shows them: "maxmin, qsgd, nuqsgd",
// or "sparse codecs" where they are a family of several.
std::vector<std::string> codecs_where(const CodecFilter& filter);
std::string summary_of_codecs(const CodecFilter& filter);

struct CodecOption {
  enum class Type { integer, number, boolean, choice };

  std::string name;  // key of a job's [compression]; with dashes, the flag of terse encode
  Type type;
  std::string argument;  // placeholder of the value in help: N, X, NAME, true|false
  std::string allowed;   // completes "must be "
  std::string meaning;   // one line of help, with the codecs that read the option
  CodecFilter read_by;
  // What message files and a plan's hash hold; assign() of it gives the same value.
  std::function<std::string(const CodecOptions&)> text;
  // Returns false, and leaves the options as they are, where the text is not an allowed value.
  std::function<bool(CodecOptions&, std::string_view text)> assign;
};

// A row for each field of CodecOptions except the codec's name.
std::span<const CodecOption> codec_options();
// "bucket 512\n" and so on.
std::string text_of(const CodecOptions& options);

}  // namespace terse
