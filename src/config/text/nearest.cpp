#include "terse/config/text/nearest.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

namespace terse {
namespace {

std::string closest(std::span<const std::string> known,
                    const std::function<std::size_t(const std::string&)>& distance) {
  const auto nearer = [&](const std::string& a, const std::string& b) {
    return distance(a) < distance(b);
  };
  return *std::min_element(known.begin(), known.end(), nearer);
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Distances from a's first i bytes to every prefix of b.
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

std::string nearest_name(std::string_view name, std::span<const std::string> known) {
  return closest(known,
                 [&](const std::string& candidate) { return edit_distance(name, candidate); });
}

std::string nearest_key(std::string_view key, std::span<const std::string> known) {
  const auto split = [](std::string_view full) {
    const auto dot = full.find('.');
    if (dot == std::string_view::npos) return std::pair(std::string_view(), full);
    return std::pair(full.substr(0, dot), full.substr(dot + 1));
  };
  const auto [section, name] = split(key);
  return closest(known, [&, section = section, name = name](const std::string& candidate) {
    const auto [its_section, its_name] = split(candidate);

    constexpr std::size_t kWrongSection = 3;
    const bool abbreviated = name.size() > 1 && its_name.starts_with(name);
    return (abbreviated ? its_name != name : edit_distance(name, its_name)) +
           std::min(edit_distance(section, its_section), kWrongSection);
  });
}

}  // namespace terse
