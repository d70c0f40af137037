// How kernels reach the machine's instruction set. A kernel's source is compiled once for each of
// Highway's targets that the project keeps (hwy/foreach_target.h: AVX-512, AVX2, NEON, the
// baseline), the best one that runs being taken at the call; tests choose with
// hwy::SetSupportedTargetsForTest. All give the same bits: contraction is off, and every reduction
// has a written order. Most bodies are plain loops, which compilers vectorize as well as Highway's
// operations would, where memory is the bound (sums); Highway's own are used where they do not (the
// fold and what it notes, random numbers, bits of signs, 16-bit floats).
#pragma once

// Whether the target of this pass over a source is AVX2 or what came after it: better targets have
// lower numbers.
#define TERSE_X86_VECTORS (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2)

// The body of a kernel that several kernels share: it must take their instruction set.
#define TERSE_INLINE [[gnu::always_inline]] inline

// For loops whose element i reads and writes element i alone, so that equal pointers do no harm.
#if defined(__clang__)
#define TERSE_ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")
#else
#define TERSE_ELEMENTWISE _Pragma("GCC ivdep")
#endif

namespace terse::kernels {

// Elements of one block: its v, decoded values and memory stay in the first-level cache between
// passes.
inline constexpr unsigned kBlock = 2048;

}  // namespace terse::kernels
