#!/usr/bin/python3
"""Makes data/digits.h5, real data for tensor attention, from the UCI handwritten digits.

    scripts/make_digits.py [OUT]

Needs python3-numpy, python3-h5py and python3-sklearn (which ships the digits). The result is
committed, so only someone who wants to change it runs this. Origin and licence: data/README.md.
"""
import pathlib
import sys

import h5py
import numpy as np
from sklearn.datasets import load_digits

SEED = 20240516
DIM = 16
LARGEST_SCORE = 6.0  # a softmax that clearly prefers some keys but sees them all
LEAST_DEVIATION = 1.0  # grey level; pixels that are nearly always blank would blow up to 42 deviations


def standardised(pixels):
    """Every pixel with mean 0 and deviation 1, or less where it hardly ever changes."""
    return (pixels - pixels.mean(axis=0)) / np.maximum(pixels.std(axis=0), LEAST_DEVIATION)


def largest_score(query, key1, key2, scale):
    """max |s| over all (i, j1, j2), one query row at a time."""
    largest = 0.0
    for row in query:
        scores = (scale * row * key1) @ key2.T
        largest = max(largest, scores.max(), -scores.min())
    return largest


def make():
    images = load_digits().images
    features = standardised(images.reshape(len(images), -1))
    rng = np.random.default_rng(SEED)
    names = ("Q", "K1", "K2")
    data = {name: features @ rng.standard_normal((features.shape[1], DIM)) for name in names}
    # The same factor on each of the three, since their product is what a score is made of.
    factor = np.cbrt(LARGEST_SCORE / largest_score(*(data[name] for name in names), 1 / DIM))
    for name in names:
        data[name] = data[name] * factor
    data["V1"] = images[:, :4, :4].reshape(-1, 16) / 16  # upper left, grey values 0..16
    data["V2"] = images[:, 4:, 4:].reshape(-1, 16) / 16  # lower right
    data["dO"] = rng.standard_normal((len(images), 16))
    return {name: rows.astype(np.float32) for name, rows in data.items()}


def main():
    default = pathlib.Path(__file__).resolve().parent.parent / "data" / "digits.h5"
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    data = make()
    with h5py.File(out, "w") as file:
        for name, rows in data.items():
            file.create_dataset(name, data=rows)
        file.attrs["scale"] = 1.0 / DIM
    wide = [data[name].astype(np.float64) for name in ("Q", "K1", "K2")]
    shape = " x ".join(str(size) for size in data["Q"].shape)
    print(f"{out}: Q {shape}, largest |score| {largest_score(*wide, 1 / DIM):.4f}, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
