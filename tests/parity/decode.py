#!/usr/bin/env python3
"""Decodes message files from comm/WIRE.md alone and compares with what terse decoded.

    decode.py FOLDER   every NAME.message there with its NAME.npy; needs nothing but Python 3
"""
import math
import pathlib
import struct
import sys

TITLE, END = b"terse message 1\n", b"\nend\n"


class Damaged(Exception):
    pass


def require(condition, sentence):
    if not condition:
        raise Damaged(sentence)


CRC_TABLE = list(range(256))
for _ in range(8):
    CRC_TABLE = [word >> 1 ^ (0x82F63B78 if word & 1 else 0) for word in CRC_TABLE]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def rows_of(message):
    """Sender, step and the rows' payloads."""
    require(len(message) >= 40, "shorter than a header")
    magic, version, flags, sender, _, _, _, step, rows, length, _, zero, crc = struct.unpack_from(
        "<IBBHIHHQIIHHI", message)
    require(magic == 0x31535254, "not one of terse's")
    require(version == 1 and flags <= 3 and zero == 0, "unknown version")
    body = 40 + 12 * rows
    require(len(message) == body + length, "length of the body")
    require(crc == crc32c(message[:36] + bytes(4) + message[40:body]), "checksum of the head")
    payloads = []
    for i in range(rows):
        _, size, crc = struct.unpack_from("<III", message, 40 + 12 * i)
        payload = message[body:body + size]
        require(len(payload) == size and crc == crc32c(payload), "checksum of row %d" % i)
        payloads.append(payload)
        body += size
    require(body == len(message), "lengths of the rows")
    return sender, step, payloads


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def f32_of(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def codes_of(data, count, bits):
    """Of `bits` each; eight of them are whole bytes."""
    require(len(data) == -(-count * bits // 8), "length of the codes")
    codes = []
    for at in range(0, len(data), max(bits, 1)):
        word = int.from_bytes(data[at:at + bits], "little")
        codes += [word >> i * bits & (1 << bits) - 1 for i in range(8)]
    return codes[:count] if bits else [0] * count


def scale_of(payload, at, least=0.0):
    """An f32 that must be finite and not below `least`."""
    (scale,) = struct.unpack_from("<f", payload, at)
    require(math.isfinite(scale) and scale >= least, "a scale")
    return scale


def signed(magnitude, negative):
    return -magnitude if negative else magnitude


# struct refuses a payload of another length.
def none(payload, n, note):
    return struct.unpack("<%df" % n, payload)


def fp16(payload, n, note):
    return struct.unpack("<%de" % n, payload)


def bf16(payload, n, note):
    return [f32_of(half << 16) for half in struct.unpack("<%dH" % n, payload)]


def maxmin(payload, n, note):
    bits, bucket = int(note["level"]), int(note["bucket"])
    codes = codes_of(payload[-(-n // bucket) * 8:], n, bits)
    values = []
    for b in range(0, n, bucket):
        unit, low = scale_of(payload, b // bucket * 8), scale_of(payload, b // bucket * 8 + 4, -math.inf)
        values += [f32(low + f32(unit * code)) for code in codes[b:b + bucket]]
    return values


def float8(largest, significand, bias):
    """Of a byte, what the seven lower bits stand for."""
    def number(code):
        exponent, rest = code >> significand & (1 << 7 - significand) - 1, code & (1 << significand) - 1
        lifted = rest + (1 << significand) if exponent else rest
        return signed(lifted * 2.0 ** (max(exponent, 1) - bias - significand), code >> 7)

    numbers = [number(code) for code in range(256)]

    def decode(payload, n, note):
        block = int(note["block"])
        blocks = -(-n // block)
        require(len(payload) == blocks + n, "length")
        require(all(byte <= largest for byte in payload[:blocks]), "an exponent")
        return [numbers[payload[blocks + i]] * 2.0 ** (payload[i // block] - 127) for i in range(n)]

    return decode


def in_buckets(unit_of, part_of):
    """qsgd and nuqsgd: a bucket's unit, and the parts of it that a level stands for."""
    def decode(payload, n, note):
        bits, bucket = int(note["level"]), int(note["bucket"])
        sign = 1 << bits - 1
        values = []
        for i, code in enumerate(codes_of(payload[-(-n // bucket) * 4:], n, bits)):
            if i % bucket == 0:
                unit = f32(unit_of(scale_of(payload, i // bucket * 4), bits))
            values.append(signed(f32(unit * part_of(code & sign - 1, bits)), code & sign))
        return values

    return decode


qsgd = in_buckets(lambda norm, bits: norm / (2 ** (bits - 1) - 1), lambda level, bits: level)
nuqsgd = in_buckets(lambda norm, bits: norm,
                    lambda level, bits: 2.0 ** (level - 1 - (2 ** (bits - 1) - 2)) if level else 0.0)


def natural(payload, n, note):
    require(len(payload) == n, "length")
    return [signed(2.0 ** ((byte & 127) - 109) if byte & 127 else 0.0, byte >> 7) for byte in payload]


def terngrad(payload, n, note):
    most = max(int(note["level"]), 1)
    width = (2 * most).bit_length()
    scale, codes = scale_of(payload, 0), codes_of(payload[4:], n, width if width <= 8 else 16)
    require(max(codes) <= 2 * most, "a code")
    return [f32(scale * signed((code + 1) // 2, code % 2)) for code in codes]


def signs(head, levels_of):
    def decode(payload, n, note):
        levels = levels_of(struct.unpack_from("<%df" % head, payload))
        require(all(map(math.isfinite, levels)) and levels[0] >= 0 >= levels[1], "what signs stand for")
        return [levels[bit] for bit in codes_of(payload[4 * head:], n, 1)]

    return decode


def vote(values):
    require(values[0] in (0, 1), "a vote")
    return values[0], -values[0]


def powersgd(payload, n, note):
    n0 = int(note["shape"].split()[0])
    n1 = n // n0
    r = min(int(note["level"]), n0, n1)
    numbers = none(payload, r * (n0 + n1), note)
    p, q = numbers[:r * n0], numbers[r * n0:]
    values = []
    for i in range(n0):
        for j in range(n1):
            total = f32(p[i] * q[j])
            for k in range(1, r):
                total = f32(total + f32(p[k * n0 + i] * q[k * n1 + j]))
            values.append(total)
    return values


def in_chunks(payload, k, n, coding):
    chunks = -(-n // 65536)
    at = 8 + 4 * chunks
    counts = struct.unpack_from("<%dI" % chunks, payload, 8)
    if coding == 2:
        end = at + -(-n // 8)
        bits = payload[at:end]
        indices = [i for i in range(8 * len(bits)) if bits[i // 8] >> i % 8 & 1]
    else:
        end = at + 2 * k
        require(sum(counts) == k, "entries of the chunks")
        chunk_of = [chunk for chunk, count in enumerate(counts) for _ in range(count)]
        places = struct.unpack_from("<%dH" % k, payload, at)
        indices = [65536 * chunk + place for chunk, place in zip(chunk_of, places)]
    for chunk, count in enumerate(counts):
        require(count == sum(i // 65536 == chunk for i in indices), "entries of a chunk")
    return indices, end


def in_blocks(payload, k, coding, shift):
    size = 128 if coding == 3 else 256
    blocks = -(-k // size)
    second = 8 + 4 * blocks
    at = body = second + (-(-blocks // 4) * 4 if coding == 3 else 4 * blocks)
    indices = []
    for b in range(blocks):
        count = min(size, k - b * size) - 1
        width = payload[second + b] if coding == 3 else shift
        low = -(-count * width // 8)
        rests = codes_of(payload[at:at + low], count, width)
        at += low
        if coding == 4:
            (end,) = struct.unpack_from("<I", payload, second + 4 * b)
            high = int.from_bytes(payload[at:body + end], "little")
            for i in range(count):
                require(high, "a rest without its end")
                zeros = (high & -high).bit_length() - 1
                rests[i] |= zeros << shift
                high >>= zeros + 1
            at = body + end
        indices += struct.unpack_from("<I", payload, 8 + 4 * b)
        for rest in rests:
            indices.append(indices[-1] + rest + 1)
    return indices, at


def in_words(name):
    """A way to write values: the codec, and its bits."""
    if name == "fp32" or name in PAYLOADS:
        return none if name == "fp32" else PAYLOADS[name], "0"
    codec = name.rstrip("0123456789")
    return PAYLOADS[codec], name[len(codec):]


def sparse(payload, n, note):
    coding, shift, zero, k = struct.unpack_from("<BBHI", payload)
    require(1 <= coding <= 4 and shift <= (31 if coding == 4 else 0) and zero == 0, "coding")
    indices, end = in_chunks(payload, k, n, coding) if coding < 3 else in_blocks(payload, k, coding, shift)
    require(len(indices) == k and all(a < b for a, b in zip(indices, indices[1:] + [n])), "indices")
    begin = -(-end // 4) * 4
    require(not any(payload[end:begin]), "padding")
    decoder, bits = in_words(note["values"])
    result = [0.0] * n
    for index, value in zip(indices, decoder(payload[begin:], k, dict(note, level=bits))):
        result[index] = 0.0 + value
    return result


PAYLOADS = {
    "none": none, "fp16": fp16, "bf16": bf16, "fp8": float8(247, 3, 7), "fp8_e5m2": float8(240, 2, 15),
    "maxmin": maxmin, "qsgd": qsgd, "nuqsgd": nuqsgd, "natural": natural, "terngrad": terngrad,
    "signsgd": signs(1, vote), "signum": signs(1, vote), "ef_sign": signs(1, lambda f: (f[0], -f[0])),
    "onebit": signs(2, tuple), "powersgd": powersgd,
    **dict.fromkeys(("topk", "dgc", "topk_sampled", "topk_chunk", "threshold", "randomk", "randblock",
                     "gtopk", "oktopk", "scalecom"), sparse)}


def decode(path):
    data = path.read_bytes()
    end = data.find(END)
    require(data.startswith(TITLE) and end >= 0, "not a message file")
    note = dict(line.split(" ", 1) for line in data[len(TITLE):end].decode().split("\n"))
    sender, step, rows = rows_of(data[end + len(END):])
    require(step == int(note["step"]) and sender == int(note["rank"]), "its name")
    require(len(rows) == 1, "one row")
    require(note["codec"] in PAYLOADS, "codec %s is not on the page" % note["codec"])
    n = math.prod(int(size) for size in note["shape"].split())
    return PAYLOADS[note["codec"]](rows[0], n, note)


def read_npy(path):
    data = path.read_bytes()
    (length,) = struct.unpack_from("<H", data, 8)
    return data[10 + length:]


def main(folder):
    messages = sorted(pathlib.Path(folder).glob("*.message"))
    if not messages:
        sys.exit("%s: no messages" % folder)
    for message in messages:
        expected = message.with_suffix(".npy")
        try:
            values = decode(message)
        except (Damaged, struct.error) as error:
            sys.exit("%s: %s" % (message, error))
        # +0 and -0 apart, so compare bytes.
        if struct.pack("<%df" % len(values), *values) != read_npy(expected):
            sys.exit("%s: decoded otherwise than %s" % (message, expected))
    print("%d messages agree to the bit" % len(messages))


if __name__ == "__main__":
    main(sys.argv[1])
