// CodecOptions as a table of texts: what message files say, terse encode takes and a plan's hash
// covers.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "terse/compressors/codec.h"

namespace terse {

struct CodecOption {
  std::string_view name;      // as in a job, without its section
  std::string_view argument;  // what help calls its value
  std::string_view meaning;
  std::string (*text)(const CodecOptions&);
  // False: the text is none of its values, and nothing was written. Whether a codec takes a value
  // is for make_codec() to say.
  bool (*assign)(CodecOptions&, std::string_view text);
};

// A line each but for the codec's name.
std::span<const CodecOption> codec_options();
// "bucket 512\n" and so on.
std::string text_of(const CodecOptions& options);

}  // namespace terse
