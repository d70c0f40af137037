// How kernels reach the machine's instruction set. Highway compiles a kernel's source once for each
// target that the project keeps (hwy/foreach_target.h: AVX-512, AVX2, NEON, the baseline) and calls
// the best one that runs; tests choose with hwy::SetSupportedTargetsForTest. All targets give the
// same bits: contraction is off, and every reduction has a written order. Most bodies are plain
// loops, which compilers vectorize as well as Highway's operations where memory is the bound
// (sums). Highway's own operations are used where compilers do worse (the fold and its summaries,
// random numbers, sign bits, 16-bit floats).
#pragma once

// Whether this pass over a source targets AVX2 or better; better targets have lower numbers.
#define TERSE_X86_VECTORS (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2)

// For a body that several kernels share: it must be compiled for their instruction set.
#define TERSE_INLINE [[gnu::always_inline]] inline

// For loops whose element i reads and writes element i alone, so that equal pointers do no harm.
#if defined(__clang__)
#define TERSE_ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")
#else
#define TERSE_ELEMENTWISE _Pragma("GCC ivdep")
#endif

namespace terse::kernels {

// Elements of a block: its v, decoded values and memory stay in the L1 cache between passes.
inline constexpr unsigned kBlock = 2048;

}  // namespace terse::kernels
