// One function for each kind of codec; encode() finds them by name.
#pragma once

#include "terse/compressors/reference/reference.h"

namespace terse::reference {

Message none(const CodecOptions& options, const Folded& row);
Message fp16(const CodecOptions& options, const Folded& row);
Message bf16(const CodecOptions& options, const Folded& row);
Message fp8(const CodecOptions& options, const Folded& row);
Message fp8_e5m2(const CodecOptions& options, const Folded& row);
Message natural(const CodecOptions& options, const Folded& row);

Message maxmin(const CodecOptions& options, const Folded& row);
Message qsgd(const CodecOptions& options, const Folded& row);
Message nuqsgd(const CodecOptions& options, const Folded& row);
Message terngrad(const CodecOptions& options, const Folded& row);

Message signsgd(const CodecOptions& options, const Folded& row);
Message ef_sign(const CodecOptions& options, const Folded& row);
Message onebit(const CodecOptions& options, const Folded& row);

Message sparse(const CodecOptions& options, const Folded& row);
Message powersgd(const CodecOptions& options, const Folded& row);

}  // namespace terse::reference
