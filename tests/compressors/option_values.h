// Values of codec options for tests, so that no test lists the options by hand.
#pragma once

#include <stdexcept>
#include <string>

#include "terse/compressors/codec_options.h"

namespace terse::test {

// The options with another value than the default for `option`. Throws std::logic_error where no
// candidate is allowed: add one here for a new type of value.
inline CodecOptions with_other_value(const CodecOption& option, CodecOptions options = {}) {
  for (const char* text : {"nearest", "true", "fp16", "0.5", "33"}) {
    if (option.assign(options, text) && option.text(options) != option.text({})) return options;
  }
  throw std::logic_error("tests know no value for the codec option " + option.name);
}

inline std::string other_value(const CodecOption& option) {
  return option.text(with_other_value(option));
}

}  // namespace terse::test
