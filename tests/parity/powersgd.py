#!/usr/bin/env python3
"""Compares terse's PowerSGD with PyTorch's own hook, and its payload with the paper's table.

  powersgd.py [--build build]           the build folder that holds tests/parity_powersgd
  powersgd.py [--build build] --time    ResNet-50's gradient at rank 4, one thread each

Two gloo ranks run torch.distributed's powerSGD_hook on matrices of a few shapes; terse runs the
same steps from the same first Q. Means and residuals must agree to float rounding.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

from needs import Bucket, dist, mp, np, torch
from needs import powerSGD_hook as peer

WORLD, STEPS = 2, 5
SHAPES = [(24, 310), (401, 33), (61, 67), (64, 576), (128, 1152)]
TOLERANCE = 2e-5  # of the largest element of a layer: both sides round, in another order


def gradients(step, rank):
    generator = np.random.default_rng([7, step, rank])
    return [generator.standard_normal(shape, dtype=np.float32) for shape in SHAPES]


def first_basis(rank):
    generator = np.random.default_rng(11)
    return [np.linalg.qr(generator.standard_normal((m, min(n, m, rank))))[0].astype(np.float32)
            for n, m in SHAPES]


def peer_rank(rank, folder, low_rank):
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank,
                            world_size=WORLD)
    torch.set_num_threads(1)
    state = peer.PowerSGDState(None, matrix_approximation_rank=low_rank, start_powerSGD_iter=2,
                               batch_tensors_with_same_shape=False)
    state.iter = 2
    basis = first_basis(low_rank)
    state.q_memory_dict[0] = torch.from_numpy(np.concatenate([q.ravel() for q in basis]))
    state.p_memory_dict[0] = torch.zeros(sum(n * min(n, m, low_rank) for n, m in SHAPES))
    means = []
    for step in range(STEPS):
        bucket = Bucket(gradients(step, rank))
        peer.powerSGD_hook(state, bucket).wait()
        means.append(bucket.flat.numpy().copy())
    np.savez(f"{folder}/{rank}.npz", means=np.stack(means), residual=state.error_dict[0].numpy())
    dist.destroy_process_group()


def run_peer(low_rank):
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(peer_rank, (folder, low_rank), nprocs=WORLD)
        ranks = [np.load(f"{folder}/{rank}.npz") for rank in range(WORLD)]
        return ranks[0]["means"], np.stack([one["residual"] for one in ranks])


def run_terse(program, low_rank):
    parts = [q.T.ravel() for q in first_basis(low_rank)]
    for step in range(STEPS):
        for rank in range(WORLD):
            parts += [m.ravel() for m in gradients(step, rank)]
    words = [program, "run", str(WORLD), str(STEPS), str(low_rank)]
    words += [f"{n}x{m}" for n, m in SHAPES]
    done = subprocess.run(words, input=np.concatenate(parts).tobytes(), stdout=subprocess.PIPE,
                          check=True)
    values = np.frombuffer(done.stdout, np.float32).reshape(STEPS + WORLD, -1)
    return values[:STEPS], values[STEPS:]


def resnet18():
    """ResNet-18 for CIFAR-10: 11,173,962 parameters."""
    shapes, channels = [(64, 27), (64, 0), (64, 0)], 64
    for width in (64, 128, 256, 512):
        for block in range(2):
            convs = [(width, channels * 9), (width, width * 9)]
            if channels != width:
                convs.append((width, channels))
            for shape in convs:
                shapes += [shape, (width, 0), (width, 0)]
            channels = width
    return shapes + [(10, 512), (10, 0)]


def payload_mib(program, low_rank):
    shapes = [f"{n}x{m}" for n, m in resnet18()]
    elements = int(subprocess.check_output([program, "payload", str(low_rank)] + shapes))
    return 24 * 4 * elements / 2**20  # 24 steps an epoch


def compare_payload(program):
    good = True
    dense = sum(n * max(m, 1) for n, m in resnet18())
    print(f"ResNet-18: {dense} parameters, {24 * 4 * dense / 2**20:.1f} MiB an epoch dense")
    for low_rank, published in ((1, 4.2), (2, 7.5), (4, 14.2), (7, 24.2)):
        mib = payload_mib(program, low_rank)
        good &= abs(mib - published) < 0.05
        print(f"  rank {low_rank}: {mib:.2f} MiB an epoch; published {published}")
    return good and dense == 11173962


def compare_steps(program, low_rank):
    worst = 0.0
    for mine, theirs in zip(run_terse(program, low_rank), run_peer(low_rank)):
        at = 0
        for n, m in SHAPES:
            a, b = mine[:, at:at + n * m], theirs[:, at:at + n * m]
            worst = np.maximum(worst, np.max(np.abs(a - b)) / np.max(np.abs(b)))  # a NaN stays
            at += n * m
    good = worst < TOLERANCE
    print(f"rank {low_rank}: means of {STEPS} steps and residuals agree to {worst:.1e} of the "
          f"largest element" + ("" if good else f", and {TOLERANCE} is allowed: FAILED"))
    return good


def resnet50():
    """The matrices of ResNet-50 that rank 4 compresses."""
    shapes, channels = [(64, 147)], 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        width = 64 << stage
        for block in range(blocks):
            shapes += [(width, channels), (width, width * 9), (4 * width, width)]
            if block == 0:
                shapes.append((4 * width, channels))
            channels = 4 * width
    return shapes + [(1000, 2048)]


class PeerStep:
    """A step of the hook, without its sums over ranks, in PyTorch operators."""

    def __init__(self, low_rank):
        self.grads = [torch.rand(shape) - 0.5 for shape in resnet50()]
        self.errors = [torch.zeros_like(grad) for grad in self.grads]
        self.qs = [torch.randn(m, low_rank) for _, m in resnet50()]
        self.ps = [torch.empty(n, low_rank) for n, _ in resnet50()]

    def step(self):
        for grad, error, q, p in zip(self.grads, self.errors, self.qs, self.ps):
            peer._orthogonalize(q.unsqueeze(0), 0)
            grad.add_(error)
            before = grad.clone()
            torch.mm(grad, q, out=p)
            peer._orthogonalize(p.unsqueeze(0), 0)
            torch.mm(grad.t(), p, out=q)
            torch.mm(p, q.t(), out=grad)
            torch.sub(before, grad, out=error)

    def products(self):
        for grad, q, p in zip(self.grads, self.qs, self.ps):
            torch.mm(grad, q, out=p)
            torch.mm(grad.t(), p, out=q)


def best_milliseconds(body):
    times = []
    for _ in range(8):
        begin = time.perf_counter()
        body()
        times.append(time.perf_counter() - begin)
    return 1000 * min(times)


def compare_time(program):
    torch.set_num_threads(1)
    bench = PeerStep(4)
    words = [program, "time", "4"] + [f"{n}x{m}" for n, m in resnet50()]
    for _ in range(3):
        step, products = map(float, subprocess.check_output(words).split())
        theirs, mm = best_milliseconds(bench.step), best_milliseconds(bench.products)
        print(f"a step: {step:.1f} ms, of which the products alone {products:.1f}; PyTorch "
              f"{theirs:.1f} ms, {mm:.1f}; {theirs / step:.1f} times as fast")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--time", action="store_true")
    words = parser.parse_args()
    program = os.path.join(words.build, "tests", "parity_powersgd")
    if words.time:
        compare_time(program)
        return
    good = compare_payload(program)
    for low_rank in (1, 2, 4, 7):
        good &= compare_steps(program, low_rank)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
