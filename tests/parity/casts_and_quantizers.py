#!/usr/bin/env python3
"""Compares terse's casts and max-min quantization with PyTorch's.

  casts_and_quantizers.py [--build build]     the build folder that holds terse-tools

terse: a tensor through `terse-tools encode` and `decode`. PyTorch: fp16_compress_hook and
bf16_compress_hook over gloo, casts to its 8-bit floats, quantize_per_tensor, quantize_per_channel
and fake_quantize_per_channel_affine, a bucket being a channel. What must hold stands with each
comparison; a NaN holds nowhere.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import warnings

from needs import Bucket, default_hooks, dist, mp, np, torch

FP32_ROUNDING = 2.0**-24
SHAPES = [(1,), (17,), (4096,), (33, 129), (64, 3, 7, 7), (5, 70001)]


class Check:
    """Counts comparisons and prints each on a line."""

    def __init__(self):
        self.failed = self.passed = 0

    def __call__(self, good, sentence):
        self.passed += bool(good)
        self.failed += not good
        print(sentence if good else f"FAILED: {sentence}", flush=True)


class Tools:
    """Encodes and decodes a tensor. Encoding adds the tensor to a residual of zeros, which turns -0
    into +0; so PyTorch gets that sum as well.
    """

    def __init__(self, build, folder):
        self.program = os.path.join(build, "terse-tools")
        self.tensor, self.message, self.decoded = (
            os.path.join(folder, name) for name in ("tensor.npy", "message", "decoded.npy"))

    def __call__(self, values, codec, *words):
        np.save(self.tensor, values)
        for verb in (["encode", self.tensor, self.message, "--codec", codec, *words],
                     ["decode", self.message, self.decoded]):
            subprocess.run([self.program, *verb], check=True, stdout=subprocess.PIPE)
        return np.load(self.decoded)


def folded(x):
    return x + np.float32(0)


def same_bits(a, b):
    return (a.shape == b.shape and a.dtype == b.dtype == np.float32 and np.isfinite(a).all()
            and np.array_equal(a.view(np.uint32), b.view(np.uint32)))


# Casts to 16 bits.

HALVES = {
    "fp16": (default_hooks.fp16_compress_hook, 2.0**-11, 2.0**-24, 65520.0),
    "bf16": (default_hooks.bf16_compress_hook, 2.0**-8, 2.0**-133, 2.0**128 - 2.0**119),
}  # the hook; half a unit in the last place of 1; the smallest number; the first that overflows


def every_half(name):
    """All finite numbers of a type, their midpoints, and the floats next to those."""
    codes = np.arange(2**16, dtype=np.uint16)
    if name == "fp16":
        numbers = codes.view(np.float16).astype(np.float32)
    else:
        numbers = (codes.astype(np.uint32) << 16).view(np.float32)
    numbers = numbers[np.isfinite(numbers)]
    step = 2**12 if name == "fp16" else 2**15
    normal = np.abs(numbers) >= (2.0**-14 if name == "fp16" else 0)
    halfway = np.where(normal, (numbers.view(np.uint32) + np.uint32(step)).view(np.float32),
                       numbers + np.copysign(np.float32(2.0**-25), numbers))
    beside = [np.nextafter(halfway, np.float32(sign * np.inf)) for sign in (-1, 1)]
    values = np.concatenate([numbers, halfway, *beside]).astype(np.float32)
    return values[np.abs(values) < HALVES[name][3]]


def cast_inputs(name, rank, world):
    generator = np.random.default_rng([3, rank])
    halves = every_half(name)
    halves = halves[np.abs(halves) <= HALVES[name][3] / world]  # terse adds before it divides
    lowest, highest = (-30, 13) if name == "fp16" else (-140, 120)
    inputs = [generator.permutation(halves)]
    for shape in SHAPES:
        exponents = generator.uniform(lowest, highest, shape)
        inputs.append((generator.standard_normal(shape) * 2.0**exponents).astype(np.float32))
    return inputs


def hook_rank(rank, world, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet{world}", rank=rank,
                            world_size=world)
    torch.set_num_threads(1)
    for name, (hook, *_) in HALVES.items():
        bucket = Bucket([folded(x) for x in cast_inputs(name, rank, world)])
        hook(None, bucket).wait()
        if rank == 0:
            np.save(f"{folder}/{name}.npy", bucket.flat.numpy())
    dist.destroy_process_group()


def run_hooks(world, folder):
    """The means of the hooks, input by input, for each type."""
    mp.spawn(hook_rank, (world, folder), nprocs=world)
    means = {}
    for name in HALVES:
        flat, inputs = np.load(f"{folder}/{name}.npy"), cast_inputs(name, 0, world)
        parts = np.split(flat, np.cumsum([x.size for x in inputs])[:-1])
        means[name] = [part.reshape(x.shape) for part, x in zip(parts, inputs)]
    return means


def compare_messages(check, through, folder):
    """With one rank, the hook only casts: the bits are the same."""
    for name, means in run_hooks(1, folder).items():
        for x, theirs in zip(cast_inputs(name, 0, 1), means):
            check(same_bits(through(x, name), theirs),
                  f"{name} {x.shape}: to the bit what the hook of a world of one leaves")


def compare_means(check, through, folder):
    """Means of two ranks differ: the hook divides and sums in 16 bits, while terse's owner adds the
    peer's message to its own fp32 and sends the mean. With u half a unit in the last place of 1, A
    the mean of |x| and s the smallest number, the hook's error is u A for the casts and u A for the
    sum, terse's is u A / 2 for the one message and u A for the mean, and each cast or quotient that
    is subnormal adds s / 2. 4 u A + 3 s covers all of these and u^2.
    """
    for name, means in run_hooks(2, folder).items():
        _, u, smallest, _ = HALVES[name]
        for x, y, theirs in zip(cast_inputs(name, 0, 2), cast_inputs(name, 1, 2), means):
            mine = through((x + through(y, name)) * np.float32(0.5), name)
            a, b = x.astype(np.float64), y.astype(np.float64)
            allowed = 4 * u * (np.abs(a) + np.abs(b)) / 2 + 3 * smallest
            worst = np.max(np.abs(mine.astype(np.float64) - theirs) / allowed)
            check(worst <= 1, f"{name} {x.shape}: two ranks' means agree to {worst:.2f} of "
                  "4 u mean|x| + 3 s")


# Casts to 8 bits.

FLOAT8S = {
    "fp8": (torch.float8_e4m3fn, 448.0),
    "fp8_e5m2": (torch.float8_e5m2, 57344.0),
}
BLOCK = 64


def every_float8(kind):
    """All numbers of a type, their midpoints, and the floats next to those."""
    numbers = torch.arange(256, dtype=torch.uint8).view(kind).float().numpy()
    numbers = np.unique(numbers[np.isfinite(numbers)])
    halfway = (numbers[1:] + numbers[:-1]) / 2
    beside = [np.nextafter(halfway, np.float32(sign * np.inf)) for sign in (-1, 1)]
    return np.concatenate([numbers, -numbers, halfway, *beside]).astype(np.float32)


def float8_inputs(kind, largest):
    """Blocks that begin with the largest number of a type, to fix their scale, and others."""
    generator = np.random.default_rng(5)
    values = generator.permutation(every_float8(kind))
    values = np.resize(values, (-(-values.size // (BLOCK - 1)), BLOCK - 1))
    whole = np.column_stack([np.full(len(values), largest, np.float32), values])
    inputs = [whole * np.float32(2.0**k) for k in (-126, -100, -1, 0, 5, 100)]
    for shape in SHAPES:
        exponents = generator.uniform(-40, 40, shape)
        inputs.append((generator.standard_normal(shape) * 2.0**exponents).astype(np.float32))
    inputs.append(np.zeros((3, BLOCK), np.float32))
    inputs.append(np.full(BLOCK, 1.75 * 2.0**127, np.float32))  # more may round to infinity
    return inputs


def float8_peer(x, kind, largest):
    """Scales each block by a power of two into the range of the type, casts, and scales back."""
    blocks = np.zeros(-(-x.size // BLOCK) * BLOCK, np.float32)
    blocks[:x.size] = x.ravel()
    blocks = blocks.reshape(-1, BLOCK)
    peaks = np.abs(blocks).max(axis=1, keepdims=True).astype(np.float64)
    k = np.full(peaks.shape, -126)
    for exponent in range(-125, 128):
        k[peaks > largest * 2.0**(exponent - 1)] = exponent
    scaled = torch.from_numpy(blocks * (2.0**-k).astype(np.float32))
    decoded = scaled.to(kind).float().numpy() * (2.0**k).astype(np.float32)
    return decoded.ravel()[:x.size].reshape(x.shape)


def compare_float8(check, through):
    """With the same scales, the bits are the same."""
    for name, (kind, largest) in FLOAT8S.items():
        inputs = float8_inputs(kind, largest)
        good = sum(same_bits(through(x, name), float8_peer(folded(x), kind, largest))
                   for x in inputs)
        check(good == len(inputs), f"{name}: {good} of {len(inputs)} tensors to the bit what "
              f"PyTorch's cast to {kind} gives")


# Max-min quantization.

class Grid:
    """Buckets as channels, each with its unit, and the values in units of terse's levels."""

    def __init__(self, channels, bits):
        self.channels, self.bits, self.top = channels, bits, 2**bits - 1
        low, high = channels.min(axis=1), channels.max(axis=1)
        self.unit, self.low = (high - low) / np.float32(self.top), low
        self.m = (low.astype(np.float64) / self.unit)[:, None]
        self.p = (channels.astype(np.float64) - low[:, None]) / self.unit[:, None]
        # Fewer than 12 roundings, of numbers up to this one, affect a code and its decoded value.
        largest = np.maximum(np.abs(low), np.abs(high)) / self.unit.astype(np.float64)
        self.slack = (12 * FP32_ROUNDING * (largest + 1))[:, None]

    def tied(self, position):
        """Positions that may round either way, since PyTorch multiplies by 1 / unit."""
        return np.abs(position - np.floor(position) - 0.5) <= self.slack

    def apart(self, mine, theirs):
        return (theirs.astype(np.float64) - mine) / self.unit[:, None]

    # PyTorch's quantization, with any zero points.

    def scales(self):
        return torch.from_numpy(self.unit)

    def per_channel(self, zero_points):
        kind = torch.quint8 if self.bits == 8 else torch.quint4x2
        x = torch.from_numpy(self.channels)
        return torch.quantize_per_channel(x, self.scales(), zero_points, 0,
                                          kind).dequantize().numpy()

    def fake(self, zero_points):
        x = torch.from_numpy(self.channels)
        return torch.fake_quantize_per_channel_affine(x, self.scales(), zero_points, 0, 0,
                                                      self.top).numpy()

    def per_tensor(self, zero_points):
        x = torch.from_numpy(self.channels)
        return torch.quantize_per_tensor(x, float(self.unit[0]), int(zero_points[0]),
                                         torch.quint8).dequantize().numpy()


def same_grid(grid, mine, theirs):
    """PyTorch's zero point is a float, -min / unit. Both have the levels min + unit * code and agree
    up to float rounding, except that a tie may round the other way, one level off.
    """
    apart = grid.apart(mine, theirs)
    level = np.rint(apart)
    good = (np.abs(apart - level) <= grid.slack) & (
        (level == 0) | ((np.abs(level) == 1) & grid.tied(grid.p)))
    return bool(good.all())


def shifted_grid(grid, mine, theirs, zero_points):
    """PyTorch's zero point is a whole number. Its levels are terse's, shifted by -s units, where s =
    min / unit + zero point is in [-1/2, 1/2]. So the two differ by -s or by sign(s) - s units, at
    most by 1 - |s|; a tie, of either, may add a level.
    """
    s = grid.m + zero_points.numpy()[:, None]
    apart = grid.apart(mine, theirs)
    level = np.rint(apart + s)
    tied = grid.tied(grid.p) | grid.tied(grid.p + s)
    good = (np.abs(s) <= 0.5 + grid.slack) & (np.abs(apart + s - level) <= grid.slack) & (
        (level == 0) | (level == np.sign(s)) | ((np.abs(level) == 1) & tied))
    return bool(good.all()), np.max(np.abs(apart))


def compare_grids(check, through, channels, bits, around):
    """`around`: every bucket's range contains 0, which whole zero points require."""
    grid = Grid(channels, bits)
    mine = through(channels, "maxmin", "--nearest", "--level", str(bits), "--bucket",
                   str(channels.shape[1]))
    title = f"maxmin {bits} bits, {len(channels)} buckets of {channels.shape[1]}"
    error = np.max(np.abs(grid.apart(channels, mine)) - grid.slack)
    check(error <= 0.5, f"{title}: within half a unit of what was sent")

    floats = torch.from_numpy(-grid.low / grid.unit)
    peers = {"fake_quantize_per_channel_affine": grid.fake}
    if bits in (4, 8):
        peers["quantize_per_channel"] = grid.per_channel
    for name, peer in peers.items():
        check(same_grid(grid, mine, peer(floats)), f"{title}: {name} with float zero points, "
              "ties apart, to float rounding")
    if not around:
        return
    whole = torch.from_numpy(np.rint(-grid.low / grid.unit).astype(np.int32))
    if bits == 4:
        del peers["quantize_per_channel"]  # takes float zero points only
    if len(channels) == 1 and bits == 8:
        peers["quantize_per_tensor"] = grid.per_tensor
    for name, peer in peers.items():
        good, worst = shifted_grid(grid, mine, peer(whole), whole)
        check(good, f"{title}: {name} with whole zero points, off by {worst:.3f} units, -s or "
              "sign(s) - s")


def compare_exact(check, through, bits):
    """If unit is a power of two and min / unit a whole number, only the code is rounded: the bits
    are the same, except that terse rounds a tie up and PyTorch to even.
    """
    top, unit = 2**bits - 1, 2.0**-7
    eighths = np.random.default_rng(13).integers(0, 8 * top + 1, (40, 512))
    eighths[:, :2] = 0, 8 * top
    least = top // 3
    channels = (unit * (eighths / 8 - least)).astype(np.float32)
    mine = through(channels, "maxmin", "--nearest", "--level", str(bits), "--bucket", "512")
    theirs = Grid(channels, bits).fake(torch.full((40,), least, dtype=torch.int32))
    tie = eighths % 8 == 4
    check(same_bits(folded(mine[~tie]), folded(theirs[~tie])),
          f"maxmin {bits} bits on a grid of eighths: to the bit fake_quantize_per_channel_affine")
    up = unit * np.floor(eighths[tie] / 8 - least + 0.5)
    even = unit * np.rint(eighths[tie] / 8 - least)
    check(np.array_equal(mine[tie], up) and np.array_equal(theirs[tie], even),
          f"maxmin {bits} bits: {tie.sum()} ties, terse up and PyTorch to even")


def compare_quantizers(check, through):
    generator = np.random.default_rng(17)
    for shape in ((50, 512), (301, 64), (1, 40000), (3, 1000)):
        channels = generator.standard_normal(shape) * 10.0**generator.uniform(-6, 3, (shape[0], 1))
        channels = channels.astype(np.float32)
        for bits in (2, 4, 8):
            compare_grids(check, through, channels, bits, around=True)
    one_sided = generator.uniform(3, 5, (40, 512)).astype(np.float32)
    for bits in (4, 8):
        compare_grids(check, through, one_sided, bits, around=False)
        compare_exact(check, through, bits)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    words = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)  # quantize_per_* are deprecated
    torch.set_num_threads(1)
    check = Check()
    with tempfile.TemporaryDirectory() as folder:
        through = Tools(words.build, folder)
        compare_messages(check, through, folder)
        compare_means(check, through, folder)
        compare_float8(check, through)
        compare_quantizers(check, through)
    print(f"{check.passed} passed, {check.failed} failed")
    sys.exit(1 if check.failed else 0)


if __name__ == "__main__":
    main()
