// Suggests a known name for a misspelled one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace terse {

// Levenshtein: the fewest insertions, deletions and replacements of one byte that turn `a` into
// `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The first of the closest; `known` is not empty.
std::string nearest_name(std::string_view name, std::span<const std::string> known);

// Like nearest_name, for "section.key"; a right key under a wrong or missing section and an
// abbreviated key count as small errors.
std::string nearest_key(std::string_view key, std::span<const std::string> known);

}  // namespace terse
