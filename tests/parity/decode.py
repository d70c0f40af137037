#!/usr/bin/env python3
"""Decodes message files by docs/wire.md alone and compares the result with that of terse.

    decode.py FOLDER   every NAME.message there with its NAME.npy; needs nothing but Python 3
"""
import io
import math
import pathlib
import struct
import sys
from array import array
from functools import reduce
from itertools import accumulate, islice

CRC_TABLE = list(range(256))
for _ in range(8):
    CRC_TABLE = [word >> 1 ^ (0x82F63B78 if word & 1 else 0) for word in CRC_TABLE]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def require(condition, sentence):
    if not condition:
        raise ValueError(sentence)


def f32(number):
    return array("f", [number])[0]


class Payload(io.BytesIO):
    """Read piece by piece; struct refuses to read past the end."""

    def take(self, form):
        return struct.unpack("<" + form, self.read(struct.calcsize("<" + form)))

    def bits(self, size):
        """The bits of `size` bytes as text, from the lowest on."""
        return "".join(f"{byte:08b}"[::-1] for byte in self.take(f"{size}B"))

    def codes(self, count, width):
        bits = self.bits(-(-count * width // 8))
        return [int("0" + bits[i * width:(i + 1) * width][::-1], 2) for i in range(count)]

    def align(self):
        require(not any(self.take(f"{-self.tell() % 4}B")), "padding that is not zero")


def cast(form):
    return lambda payload, n, note: payload.take(f"{n}{form}")


def bf16(payload, n, note):
    return [struct.unpack("<f", struct.pack("<2H", 0, half))[0] for half in payload.take(f"{n}H")]


def coded(spans, numbers, head="", bucket=None, allowed=lambda scale=0, *_: scale >= 0):
    """Decodes a head for each bucket, or one for the row, then the codes, all below spans[level].

    numbers(span, *head) lists the values of the codes.
    """
    def decode(payload, n, note):
        span, size = spans.get(float(note["level"])), int(note.get(bucket, max(n, 1)))
        require(span, "no such level")
        heads = [payload.take(head) for _ in range(0, n, size)]
        require(all(allowed(*head) and all(map(math.isfinite, head)) for head in heads), "a scale")
        width = (span - 1).bit_length()
        codes = payload.codes(n, width if width <= 8 else 16)
        require(all(code < span for code in codes), "a code")
        lists = [numbers(span, *head) for head in heads]
        return array("f", (lists[i // size][code] for i, code in enumerate(codes)))

    return decode


def maxmin(span, unit, low):
    return [low + f32(unit * code) for code in range(span)]


def terngrad(span, scale):
    return [scale * (-(code + 1) // 2 if code % 2 else code // 2) for code in range(span)]


def signed(magnitudes):
    """A code's highest bit is the sign; the others are the level."""
    return magnitudes + [-magnitude for magnitude in magnitudes]


def float8(significand, bias):
    ones = 1 << significand
    subnormal = [rest * 2.0 ** (1 - bias - significand) for rest in range(ones)]
    normal = [(ones + rest) * 2.0 ** (exponent - bias - significand)
              for exponent in range(1, 128 // ones) for rest in range(ones)]
    numbers = signed(subnormal + normal)
    return lambda span, byte: [number * 2.0 ** (byte - 127) for number in numbers]


def qsgd(span, norm):
    unit = f32(norm / (span // 2 - 1))
    return signed([unit * level for level in range(span // 2)])


def nuqsgd(span, norm):
    s = span // 2 - 2
    parts = [0.0] + [2.0 ** (level - 1 - s) for level in range(1, span // 2)]
    return signed([norm * part for part in parts])


def powersgd(payload, n, note):
    n0, rank = int(note["shape"].split()[0]), float(note["level"])
    require(rank >= 1, "no such level")
    r = int(min(rank, n0, n // n0))
    p, q = ([payload.take(f"{size}f") for _ in range(r)] for size in (n0, n // n0))
    products = ([f32(a * b) for a, b in zip(row, column)] for row in zip(*p) for column in zip(*q))
    return [reduce(lambda total, product: f32(total + product), each) for each in products]


def in_chunks(payload, k, n, coding):
    """The indices of codings 1 and 2."""
    counts = payload.take(f"{-(-n // 65536)}I")
    if coding == 1:
        places = iter(payload.take(f"{k}H"))
        chunks = [list(islice(places, count)) for count in counts]
    else:
        bits = payload.bits(-(-n // 8))
        chunks = [[place for place, bit in enumerate(bits[at:at + 65536]) if bit == "1"]
                  for at in range(0, n, 65536)]
    require(counts == tuple(map(len, chunks)), "entries of a chunk")
    return [65536 * chunk + place for chunk, places in enumerate(chunks) for place in places]


def in_blocks(payload, k, coding, shift):
    """The indices of codings 3 and 4."""
    size, kind = (128, "B") if coding == 3 else (256, "I")
    counts = [min(size, k - at) for at in range(0, k, size)]
    firsts, seconds = payload.take(f"{len(counts)}I"), payload.take(f"{len(counts)}{kind}")
    payload.align()
    begin, indices = payload.tell(), []
    for count, first, second in zip(counts, firsts, seconds):
        width = second if coding == 3 else shift
        require(width <= 32, "a width")
        rests = payload.codes(count - 1, width)
        if coding == 4:
            zeros = payload.bits(begin + second - payload.tell()).split("1")
            require(len(zeros) == count, "rests of a block")
            rests = [len(high) << shift | low for high, low in zip(zeros, rests)]
        indices += accumulate([first, *rests], lambda index, rest: index + rest + 1)
    return indices


def sparse(payload, n, note):
    coding, shift, zero, k = payload.take("BBHI")
    require(1 <= coding <= 4 and shift <= (31 if coding == 4 else 0) and zero == 0, "coding")
    require(k <= n, "more entries than elements")
    indices = (in_chunks(payload, k, n, coding) if coding <= 2 else
               in_blocks(payload, k, coding, shift))
    require(len(indices) == k, "number of indices")
    require(all(a < b for a, b in zip(indices, indices[1:] + [n])), "order of the indices")
    payload.align()
    name = "none" if note["values"] == "fp32" else note["values"]
    codec = name if name in VALUES else name.rstrip("0123456789")
    values = VALUES[codec](payload, k, dict(note, level=name[len(codec):] or 0))
    result = [0.0] * n
    for index, value in zip(indices, values):
        result[index] += value
    return result


SIGNS, BYTES, BITS = {0: 2}, {0: 256}, {bits: 1 << bits for bits in range(1, 9)}
SIGN_AND_BITS = {bits: 1 << bits for bits in range(2, 9)}
TERNARY = {most: 2 * max(most, 1) + 1 for most in range(1 << 15)}
VALUES = {
    "none": cast("f"), "fp16": cast("e"), "bf16": bf16,
    "fp8": coded(BYTES, float8(3, 7), "B", "block", lambda byte: byte <= 247),
    "fp8_e5m2": coded(BYTES, float8(2, 15), "B", "block", lambda byte: byte <= 240),
    "maxmin": coded(BITS, maxmin, "2f", "bucket"),
    "qsgd": coded(SIGN_AND_BITS, qsgd, "f", "bucket"),
    "nuqsgd": coded(SIGN_AND_BITS, nuqsgd, "f", "bucket"),
    "natural": coded(BYTES, lambda span: signed([0.0] + [2.0 ** k for k in range(-108, 19)]))}
VOTE = coded(SIGNS, lambda span, one: (one, -one), "f", allowed=lambda one: one in (0, 1))
CODECS = {
    **VALUES, "powersgd": powersgd, "terngrad": coded(TERNARY, terngrad, "f"),
    "signsgd": VOTE, "signum": VOTE,
    "ef_sign": coded(SIGNS, lambda span, scale: (scale, -scale), "f"),
    "onebit": coded(SIGNS, lambda span, *levels: levels, "2f", allowed=lambda a, b: a >= 0 >= b),
    **dict.fromkeys(("topk", "topk_sampled", "topk_chunk", "threshold", "dgc", "randomk",
                     "randblock", "gtopk", "oktopk", "scalecom"), sparse)}
WORDS = set("codec bucket block rounding max_norm alternating unbiased clip sample_ratio threshold "
            "values level layer shape seed step rank".split())
DEFAULTS = {"bucket": "512", "block": "64", "values": "fp32"}


def payload_of(message, note):
    """The payload of the one row, after the header and the row's record."""
    (magic, version, flags, sender, plan, group, turn, step, rows, length, _, zero, head_crc,
     _, size, crc) = Payload(message).take("IBBHIHHQIIHHI III")
    require(magic == 0x31535254 and version == 1 and flags <= 3 and zero == 0, "unknown version")
    require(plan == group == turn == 0, "plan, group and round")
    require(step == int(note["step"]) and sender == int(note["rank"]), "step and sender")
    require(rows == 1 and length == size == len(message) - 52, "lengths")
    require(head_crc == crc32c(message[:36] + bytes(4) + message[40:52]), "checksum of the head")
    require(crc == crc32c(message[52:]), "checksum of the row")
    return Payload(message[52:])


def decode(file):
    text, _, message = file.partition(b"\nend\n")
    title, *lines = text.decode().split("\n")
    require(title == "terse message 1", "not a message file")
    words = dict(line.split(" ", 1) for line in lines)
    require(len(words) == len(lines) and words.keys() <= WORDS, "a word twice, or an unknown one")
    note = {**DEFAULTS, **words}
    shape = [int(size) for size in note["shape"].split()]
    require(min(shape) > 0, "shape")
    payload = payload_of(message, note)
    values = CODECS[note["codec"]](payload, math.prod(shape), note)
    require(not payload.read(), "longer than its codec's")
    return values


def main(folder):
    messages = sorted(pathlib.Path(folder).glob("*.message"))
    if not messages:
        sys.exit(f"{folder}: no messages")
    for path in messages:
        try:
            values = decode(path.read_bytes())
        except (LookupError, ValueError, struct.error) as error:
            sys.exit(f"{path}: {error}")
        npy = path.with_suffix(".npy").read_bytes()
        begin = 10 + int.from_bytes(npy[8:10], "little")
        # +0 and -0 apart, so compare bytes.
        if struct.pack(f"<{len(values)}f", *values) != npy[begin:]:
            sys.exit(f"{path}: decoded otherwise than by terse")
    print(f"{len(messages)} messages agree to the bit")


if __name__ == "__main__":
    main(sys.argv[1])
