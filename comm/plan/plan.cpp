#include "terse/comm/plan/plan.h"

#include <array>
#include <bit>
#include <span>

#include "terse/base/hash.h"
#include "terse/base/random.h"
#include "terse/compressors/codec_options.h"

namespace terse {
namespace {

std::uint64_t hash_of(const CodecOptions& options) {
  return combine(hash64(options.name), hash64(text_of(options)));
}

std::uint64_t hash_of(const Feedback& f) {
  const std::array coefficients{f.uu, f.ug, f.vu, f.vg, f.ve, f.ev, f.ee, f.ed};
  return hash64(std::as_bytes(std::span(coefficients)));
}

}  // namespace

std::uint32_t Plan::hash() const {
  std::uint64_t sum = mix64(schemes.size());
  for (const Scheme& scheme : schemes) {
    sum = combine(sum, hash_of(scheme.options), hash_of(scheme.feedback),
                  scheme.feedback.clear_velocity, scheme.group_bytes, scheme.clips,
                  scheme.feedback.integrate, scheme.feedback.lr_inside);
  }
  for (const LayerAssignment& cell : assignments)
    sum = combine(sum, cell.scheme, std::bit_cast<std::uint32_t>(cell.level));
  return static_cast<std::uint32_t>(
      combine(sum, std::bit_cast<std::uint64_t>(clip_norm), clip_global));
}

}  // namespace terse
