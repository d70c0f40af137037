#include "terse/compressors/reference/reference.h"

#include <string_view>

#include "terse/base/error.h"
#include "terse/compressors/reference/reference_codecs.h"

namespace terse::reference {
namespace {

struct ReferenceCodec {
  std::string_view name;
  Message (*encode)(const CodecOptions&, const FoldedRow&);
};

constexpr ReferenceCodec kCodecs[] = {
    {"none", none},         {"fp16", fp16},         {"bf16", bf16},        {"fp8", fp8},
    {"fp8_e5m2", fp8_e5m2}, {"maxmin", maxmin},     {"qsgd", qsgd},        {"nuqsgd", nuqsgd},
    {"natural", natural},   {"terngrad", terngrad}, {"signsgd", signsgd},  {"signum", signsgd},
    {"ef_sign", ef_sign},   {"onebit", onebit},     {"powersgd", powersgd}};

}  // namespace

Message encode(const CodecOptions& options, const FoldedRow& row) {
  for (const ReferenceCodec& codec : kCodecs) {
    if (codec.name == options.name) return codec.encode(options, row);
  }
  if (codec_info(options.name).family != "sparse") fail("codec {} has no reference.", options.name);
  return sparse(options, row);
}

}  // namespace terse::reference
