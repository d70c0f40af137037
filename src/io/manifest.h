// manifest.json as text. It carries a checksum over its own contents, so that a damaged one is told
// from a foreign one.
#pragma once

#include <string>
#include <string_view>

#include "terse/io/checkpoint.h"

namespace terse {

std::string rank_file_name(int rank);

std::string manifest_text(const Manifest& manifest);

// Throws Error whose text is the end of a sentence about the file ("is not a checkpoint's manifest:
// ...").
Manifest parse_manifest(std::string_view text);

}  // namespace terse
