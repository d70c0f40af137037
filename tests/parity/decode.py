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


# --- The frame -------------------------------------------------------------------------------

def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def mix(x):
    x = x + 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    x = (x ^ x >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return x ^ x >> 31


def rows_of(message):
    """The header's fields and the rows' payloads."""
    require(len(message) >= 40, "shorter than a header")
    (magic, version, flags, sender, plan, group, number, step, rows, length, origin, zero,
     crc) = struct.unpack_from("<IBBHIHHQIIHHI", message)
    require(magic == 0x31535254, "not one of terse's")
    require(version == 1, "unknown version")
    body = 40 + 12 * rows
    require(len(message) == body + length, "length of the body")
    require(crc == crc32c(message[:36] + bytes(4) + message[40:body]), "checksum of the head")
    payloads = []
    for i in range(rows):
        tag, size, crc = struct.unpack_from("<III", message, 40 + 12 * i)
        payload = message[body:body + size]
        require(len(payload) == size and crc == crc32c(payload), "checksum of row %d" % i)
        payloads.append((tag, payload))
        body += size
    require(body == len(message), "lengths of the rows")
    return {"sender": sender, "step": step, "plan": plan, "flags": flags}, payloads


# --- The payloads: one function each ---------------------------------------------------------

def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def none(payload, n, note):
    require(len(payload) == 4 * n, "length")
    return struct.unpack("<%df" % n, payload)


def fp16(payload, n, note):
    require(len(payload) == 2 * n, "length")
    return struct.unpack("<%de" % n, payload)


def bf16(payload, n, note):
    require(len(payload) == 2 * n, "length")
    return struct.unpack("<%df" % n, b"".join(b"\0\0" + payload[i:i + 2] for i in range(0, 2 * n, 2)))


def maxmin(payload, n, note):
    bits, bucket = int(float(note["level"])), int(note["bucket"])
    scales = -(-n // bucket)
    require(len(payload) == 8 * scales + -(-n * bits // 8), "length")
    codes = int.from_bytes(payload[8 * scales:], "little")
    values = []
    for b in range(scales):
        unit, low = struct.unpack_from("<ff", payload, 8 * b)
        require(unit >= 0 and math.isfinite(unit) and math.isfinite(low), "a bucket's scale")
        for code in bytes_of(codes >> b * bucket * bits, min(bucket, n - b * bucket), bits):
            values.append(f32(low + f32(unit * code)))
    return values


def bytes_of(codes, count, bits):
    codes &= (1 << count * bits) - 1
    for _ in range(count):
        yield codes & (1 << bits) - 1
        codes >>= bits


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
        rests = list(bytes_of(int.from_bytes(payload[at:at + low], "little"), count, width))
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


def sparse(payload, n, note):
    coding, shift, zero, k = struct.unpack_from("<BBHI", payload)
    require(1 <= coding <= 4 and shift <= (31 if coding == 4 else 0) and zero == 0, "coding")
    in_coding = in_chunks(payload, k, n, coding) if coding < 3 else in_blocks(payload, k, coding, shift)
    indices, end = in_coding
    require(len(indices) == k and all(a < b for a, b in zip(indices, indices[1:] + [n])), "indices")
    result = [0.0] * n
    for index, value in zip(indices, none(payload[-(-end // 4) * 4:], k, note)):
        result[index] = 0.0 + value
    return result


PAYLOADS = {"none": none, "fp16": fp16, "bf16": bf16, "maxmin": maxmin, "topk": sparse, "dgc": sparse}


# --- Files -----------------------------------------------------------------------------------

def decode(path):
    with open(path, "rb") as file:
        data = file.read()
    end = data.find(END)
    require(data.startswith(TITLE) and end >= 0, "not a message file")
    lines = data[len(TITLE):end].decode().split("\n")
    note = dict(line.split(" ", 1) for line in lines)
    header, rows = rows_of(data[end + len(END):])
    require(header["step"] == int(note["step"]) and header["sender"] == int(note["rank"]), "its name")
    require(len(rows) == 1, "one row")
    n = math.prod(int(size) for size in note["shape"].split())
    return PAYLOADS[note["codec"]](rows[0][1], n, note)


def read_npy(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<H", data, 8)
    return data[10 + length:]


def main(folder):
    messages = sorted(pathlib.Path(folder).glob("*.message"))
    if not messages:
        sys.exit("%s: no messages" % folder)
    for message in messages:
        expected, values = message.with_suffix(".npy"), decode(message)
        # +0 and -0 apart, so compare bytes.
        if struct.pack("<%df" % len(values), *values) != read_npy(expected):
            sys.exit("%s: decoded otherwise than %s" % (message, expected))
        print("%s: %d elements agree to the bit" % (message.name, len(values)))


if __name__ == "__main__":
    main(sys.argv[1])
