// The verdict on a received payload.
#pragma once

#include <optional>
#include <string_view>

namespace terse {

// Why a payload cannot be decoded, or nothing if it can. The text completes the sentence "what rank
// R sent cannot be decoded: ..." and has static storage.
using PayloadError = std::optional<std::string_view>;

}  // namespace terse
