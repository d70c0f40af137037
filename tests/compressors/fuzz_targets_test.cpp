// The fuzzers cover the payload of every codec.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "compressors/codec_cases.h"
#include "fuzz/shape.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse::test {
namespace {

std::set<std::string> fuzzed_codecs() {
  std::set<std::string> names;
  for (const fuzz::Target& target : fuzz::kTargets) {
    for (const fuzz::PayloadKind& kind : target.kinds) names.emplace(kind.codec);
  }
  return names;
}

const Sparsifier* as_sparsifier(const std::shared_ptr<const Codec>& codec) {
  return dynamic_cast<const Sparsifier*>(codec.get());
}

// Sparse codecs share one payload; what differs is the bound on the number of entries.
bool same_bound(const Sparsifier& a, const Sparsifier& b) {
  for (const std::uint32_t n : {0u, 1u, 5u, 4095u, 4097u, 70'001u}) {
    for (const float density : {0.0001f, 0.03f, 0.7f, 1.0f}) {
      if (a.max_entries(n, density) != b.max_entries(n, density)) return false;
    }
  }
  return true;
}

TEST(FuzzTargets, CoverEveryCodec) {
  const std::set<std::string> fuzzed = fuzzed_codecs();
  for (const CodecInfo& info : codecs()) {
    const std::string name(info.name);
    if (fuzzed.contains(name == "signum" ? "signsgd" : name)) continue;
    const auto codec = make_codec({.name = name});
    const Sparsifier* const sparse = as_sparsifier(codec);
    const bool covered =
        sparse != nullptr && std::ranges::any_of(fuzzed, [&](const std::string& other) {
          const auto target = make_codec({.name = other});
          const Sparsifier* const one = as_sparsifier(target);
          return one != nullptr && same_bound(*sparse, *one);
        });
    EXPECT_TRUE(covered) << name << " is in no table of tests/fuzz/shape.h";
  }
}

}  // namespace
}  // namespace terse::test
