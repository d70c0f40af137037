// manifest.json as text. It contains a checksum of its contents, which distinguishes a damaged
// manifest from a foreign file.
#pragma once

#include <string>
#include <string_view>

#include "terse/io/checkpoint.h"

namespace terse {

std::string rank_checkpoint_name(int rank);

std::string manifest_text(const Manifest& manifest);

// Throws Error with the rest of a sentence that begins with the file's name ("is not a checkpoint's
// manifest: ...").
Manifest parse_manifest(std::string_view text);

}  // namespace terse
