#!/usr/bin/env python3
"""Write mnist-mini.h5: 10,000 training and 2,000 test images of MNIST, equally many of each digit.

usage: make_mnist_mini.py MNIST_DIR [OUT.h5]        (needs h5py and numpy)

MNIST_DIR contains the four original files (train-images-idx3-ubyte.gz, ...). Takes every k-th of each digit's images in
their original order, so that both halves of the test set (by different writers) are represented. The same input always
gives the same images. OUT.h5 is mnist-mini.h5 beside this script by default.
"""
import gzip
import pathlib
import sys

import h5py
import numpy as np

PER_DIGIT = {"train": ("train", 1000), "test": ("t10k", 200)}
ATTRIBUTES = {
    "name": "MNIST, 10,000 training and 2,000 test images",
    "origin": "Yann LeCun, Corinna Cortes, Christopher J. C. Burges: The MNIST database of handwritten digits",
    "license": "CC BY-SA 3.0, https://creativecommons.org/licenses/by-sa/3.0/",
}


def read_idx(path: pathlib.Path) -> np.ndarray:
    data = gzip.decompress(path.read_bytes())
    dimensions = np.frombuffer(data, ">u4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(dimensions)


def spread(labels: np.ndarray, per_digit: int) -> np.ndarray:
    """Indices, ascending, of `per_digit` images of each digit, evenly spread over all of that digit's."""
    chosen = []
    for digit in range(10):
        own = np.flatnonzero(labels == digit)
        chosen.append(own[np.arange(per_digit) * len(own) // per_digit])
    return np.sort(np.concatenate(chosen))


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1])
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else pathlib.Path(__file__).with_name("mnist-mini.h5")
    # The 1.8 file format checksums its metadata, Fletcher-32 the data: a damaged copy is noticed.
    with h5py.File(target, "w", libver=("v108", "v108")) as out:
        out.attrs.update(ATTRIBUTES)
        for split, (prefix, per_digit) in PER_DIGIT.items():
            labels = read_idx(source / f"{prefix}-labels-idx1-ubyte.gz")
            images = read_idx(source / f"{prefix}-images-idx3-ubyte.gz")
            index = spread(labels, per_digit)
            packed = dict(compression="gzip", compression_opts=9, shuffle=True, fletcher32=True)
            out.create_dataset(f"{split}/images", data=images[index], chunks=(1000, 28, 28), **packed)
            out.create_dataset(f"{split}/labels", data=labels[index], chunks=(len(index),), **packed)
    print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
