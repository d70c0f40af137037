#!/usr/bin/env python3
"""terse's codecs against the same operations written with PyTorch operators, one thread each.

  speed.py [--build build] [--rounds 5] [--json FILE]
  speed.py --check        exits with 1 if a target is missed or cannot be measured

The gradient has ResNet-50's 161 tensors, 25.56 M floats, in one buffer. terse is represented by
terse_bench_codecs from a build without LibTorch: encode, with residual and velocity. PyTorch works
in place where its operators allow it, tensor by tensor, like the code of GRACE, DGC and EF-signSGD;
max-min has buckets of 512 over the whole gradient, as CGX has over a fused buffer; PowerSGD is the
step of PyTorch's hook (powersgd.py) on the matrices that rank 4 compresses. PyTorch packs no bits.
The two alternate, and the best of all rounds counts.

Sampled top-k is compared with PyTorch's exact top-k, whose result it approximates, and for
information with the same sampling in PyTorch operators.
"""
import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time

from needs import torch
from powersgd import PeerStep, resnet50

BUCKET, MOMENTUM = 512, 0.9
TURN = 2  # repeats of each side before the other has its turn


def tensor_sizes():
    """Each convolution with the two vectors of its normalization; the classifier with its bias."""
    *convolutions, (classes, features) = resnet50()
    sizes = [size for n, m in convolutions for size in (n * m, n, n)]
    sizes += [classes * features, classes]
    assert len(sizes) == 161 and sum(sizes) == 25557032
    return sizes


class Gradient:
    """A gradient, its residual and velocity, and their contents before each step."""

    def __init__(self):
        self.sizes = tensor_sizes()
        elements = sum(self.sizes)
        self.fresh = [0.02 * (torch.rand(elements) - 0.5), 0.01 * (torch.rand(elements) - 0.5)]
        self.grad, self.residual = (x.clone() for x in self.fresh)
        self.velocity = torch.zeros(elements)
        self.drawn = torch.empty(elements)

    def fill(self):
        self.grad.copy_(self.fresh[0])
        self.residual.copy_(self.fresh[1])
        self.velocity.zero_()

    def tensors(self):
        return zip(self.grad.split(self.sizes), self.residual.split(self.sizes),
                   self.velocity.split(self.sizes))


def kept(n, density):
    return max(1, int(density * n))


def topk(density):
    def step(gradient):
        message = []
        for grad, v, _ in gradient.tensors():
            v.add_(grad)
            indices = v.abs().topk(kept(v.numel(), density), sorted=False).indices
            message.append((v[indices], indices))
            v.index_fill_(0, indices, 0)
        return message
    return step


def sampled(v, density):
    """DGC's threshold from one sample, without its later rounds."""
    n, magnitudes = v.numel(), v.abs()
    least, stride = max(math.ceil(0.01 * n), math.ceil(2 / density)), 1
    if n > least:
        stride = math.ceil(n / least / 32) * 32 + 1
        while stride > 1 and n // stride < least:
            stride -= 8
    samples = magnitudes[int(torch.randint(stride, ())):n:stride]
    threshold = samples.topk(math.ceil(samples.numel() * density), sorted=False).values.min()
    return (magnitudes >= threshold).nonzero().view(-1)[:math.ceil(n * density)]


def topk_sampled(density):
    def step(gradient):
        message = []
        for grad, v, _ in gradient.tensors():
            v.add_(grad)
            indices = sampled(v, density)
            message.append((v[indices], indices))
            v.index_fill_(0, indices, 0)
        return message
    return step


def dgc(density):
    def step(gradient):
        message = []
        for grad, v, u in gradient.tensors():
            u.mul_(MOMENTUM).add_(grad)
            v.add_(u)
            indices = sampled(v, density)
            message.append((v[indices], indices))
            v.index_fill_(0, indices, 0)
            u.index_fill_(0, indices, 0)
        return message
    return step


def maxmin_buckets(v, grad, drawn, stochastic):
    v.add_(grad)
    low, high = v.aminmax(dim=1, keepdim=True)
    unit = high.sub_(low).div_(255).clamp_(min=1e-10)
    levels = grad  # is read no more
    torch.sub(v, low, out=levels).div_(unit)
    if stochastic:
        levels.add_(drawn.uniform_()).clamp_(max=255).floor_()
    else:
        levels.round_()
    codes = levels.to(torch.uint8)
    v.sub_(low).addcmul_(levels, unit, value=-1)
    return low, unit, codes


def maxmin(stochastic):
    def step(gradient):
        whole = gradient.grad.numel() // BUCKET * BUCKET
        parts = [x.split([whole, x.numel() - whole])
                 for x in (gradient.residual, gradient.grad, gradient.drawn)]
        return [maxmin_buckets(*(x[0].view(-1, BUCKET) for x in parts), stochastic),
                maxmin_buckets(*(x[1].view(1, -1) for x in parts), stochastic)]
    return step


def ef_sign(gradient):
    message = []
    for grad, v, _ in gradient.tensors():
        v.add_(grad)
        scale = v.abs().mean()
        negative = v < 0
        torch.where(negative, -scale, scale, out=grad)
        v.sub_(grad)
        message.append((scale, negative))
    return message


def powersgd(gradient):
    if not hasattr(gradient, "low_rank"):
        gradient.low_rank = PeerStep(4)
    gradient.low_rank.step()


PEERS = {
    "topk 1 %": topk(0.01),
    "topk 0.1 %": topk(0.001),
    "sampled 1 %": topk_sampled(0.01),
    "sampled 0.1 %": topk_sampled(0.001),
    "dgc 0.1 %": dgc(0.001),
    "maxmin nearest": maxmin(False),
    "maxmin stochastic": maxmin(True),
    "ef_sign": ef_sign,
    "powersgd 4": powersgd,
}

# The title of terse's line in terse_bench_codecs; the PyTorch operation; the target speedup.
ROWS = [
    ("topk 1 %", "topk 1 %", 8),
    ("topk 0.1 %", "topk 0.1 %", None),
    ("topk_sampled 1 %", "topk 1 %", 15),
    ("topk_sampled 0.1 %", "topk 0.1 %", None),
    ("topk_sampled 1 %", "sampled 1 %", None),
    ("topk_sampled 0.1 %", "sampled 0.1 %", None),
    ("dgc 0.1 %", "dgc 0.1 %", 5),
    ("maxmin 8 nearest", "maxmin nearest", 9),
    ("maxmin 8 stochastic", "maxmin stochastic", None),
    ("ef_sign", "ef_sign", 8),
    ("powersgd 4", "powersgd 4", 2),
]


def plain(title):
    """"PowerSGD rank 4" and "powersgd 4" are the same title."""
    words = re.split(r"[\s_]+", title.lower().replace("%", " % "))
    return " ".join(word for word in words if word not in ("", "rank"))


def terse_milliseconds(program, codec):
    """The lines of a codec, by title."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = os.path.join(folder, "numbers.json")
        subprocess.run([program, "--codec", codec, "--repeat", str(TURN), "--json", numbers],
                       check=True, stdout=subprocess.DEVNULL)
        with open(numbers, encoding="utf-8") as file:
            found = json.load(file)
    times = {plain(line["codec"]): 1000 * line["seconds"] for line in found["lines"]
             if line["pass"] == "encode"}
    if "powersgd" in found:
        times["powersgd 4"] = 1000 * found["powersgd"]["seconds"]
    return times


def peer_milliseconds(step, gradient):
    times = []
    for _ in range(TURN):
        gradient.fill()
        begin = time.perf_counter()
        step(gradient)
        times.append(time.perf_counter() - begin)
    return 1000 * min(times)


def measure(program, rounds, gradient):
    """Milliseconds of (PyTorch, terse) for each row; terse's are infinite if it has no line."""
    mine, theirs = {}, {}
    for _ in range(rounds):
        codecs, peers = set(), set()
        for title, peer, _ in ROWS:
            codec = title.split()[0]
            if codec not in codecs:
                for line, now in terse_milliseconds(program, codec).items():
                    mine[line] = min(now, mine.get(line, math.inf))
            if peer not in peers:
                now = peer_milliseconds(PEERS[peer], gradient)
                theirs[peer] = min(now, theirs.get(peer, math.inf))
            codecs.add(codec)
            peers.add(peer)
    return [(theirs[peer], mine.get(plain(title), math.inf)) for title, peer, _ in ROWS]


def verdict(times, target):
    """The columns of a row from PyTorch's milliseconds on, and the verdict on its target."""
    theirs, mine = times
    if not math.isfinite(mine):
        return ["no such row", "-"], "absent"
    ratio = theirs / mine
    outcome = "met" if target is None or ratio >= target else "missed"
    return [f"{mine:.1f}", f"{ratio:.1f}" + (" missed" if outcome == "missed" else "")], outcome


def print_table(best):
    """The table; the numbers of targets met, missed and absent; and the names of the absent."""
    outcomes, absent = {"met": 0, "missed": 0, "absent": 0}, []
    print(f"{'operation':<20}{'PyTorch':>20}{'ms':>8}{'terse ms':>14}{'times faster':>16}"
          f"{'target':>8}")
    for (title, peer, target), times in zip(ROWS, best):
        columns, outcome = verdict(times, target)
        print(f"{title:<20}{peer:>20}{times[0]:>8.1f}{columns[0]:>14}{columns[1]:>16}"
              f"{target or '-':>8}")
        if outcome == "absent":
            absent.append(title)
        if target is not None:
            outcomes[outcome] += 1
    print(f"{outcomes['met']} targets met, {outcomes['missed']} missed, {outcomes['absent']} not "
          "measured" + (f"; no such row: {', '.join(sorted(set(absent)))}" if absent else ""))
    return outcomes


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    parser.add_argument("--check", action="store_true")
    words = parser.parse_args()
    program = os.path.join(words.build, "terse_bench_codecs")
    if not os.path.exists(program):
        sys.exit(f"{program} is not there; a build configured with -DTERSE_TORCH=OFF has it.")
    torch.set_num_threads(1)
    torch.manual_seed(1)
    gradient = Gradient()
    add = peer_milliseconds(lambda one: one.residual.add_(one.grad), gradient)
    print(f"PyTorch {torch.__version__}; one core's in-place add of two such gradients takes "
          f"{add:.1f} ms", flush=True)
    best = measure(program, words.rounds, gradient)
    outcomes = print_table(best)
    if words.json:
        with open(words.json, "w", encoding="utf-8") as file:
            json.dump([{"operation": title, "pytorch": peer, "pytorch_ms": theirs,
                        "terse_ms": mine if math.isfinite(mine) else None, "target": target}
                       for (title, peer, target), (theirs, mine) in zip(ROWS, best)], file,
                      indent=2)
    sys.exit(1 if words.check and outcomes["missed"] + outcomes["absent"] > 0 else 0)


if __name__ == "__main__":
    main()
