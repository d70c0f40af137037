// One function for each kind of codec; reference::encode() finds them by name.
#pragma once

#include "terse/compressors/reference/reference.h"

namespace terse::reference {

Message none(const CodecOptions& options, const FoldedRow& row);
Message fp16(const CodecOptions& options, const FoldedRow& row);
Message bf16(const CodecOptions& options, const FoldedRow& row);
Message fp8(const CodecOptions& options, const FoldedRow& row);
Message fp8_e5m2(const CodecOptions& options, const FoldedRow& row);
Message natural(const CodecOptions& options, const FoldedRow& row);

Message maxmin(const CodecOptions& options, const FoldedRow& row);
Message qsgd(const CodecOptions& options, const FoldedRow& row);
Message nuqsgd(const CodecOptions& options, const FoldedRow& row);
Message terngrad(const CodecOptions& options, const FoldedRow& row);

Message signsgd(const CodecOptions& options, const FoldedRow& row);
Message ef_sign(const CodecOptions& options, const FoldedRow& row);
Message onebit(const CodecOptions& options, const FoldedRow& row);

Message sparse(const CodecOptions& options, const FoldedRow& row);
Message powersgd(const CodecOptions& options, const FoldedRow& row);

}  // namespace terse::reference
