#!/usr/bin/python3
"""Shows a result of tattn in a few lines: how it was made, and the size and first numbers of each dataset.

    scripts/show_result.py RESULT.h5
"""
import sys

import h5py
import numpy as np

HOW = ("command", "method", "ranks", "scale", "causal", "source", "created")


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def main():
    if len(sys.argv) != 2:
        sys.exit("show_result.py: name one result file")
    with h5py.File(sys.argv[1]) as file:
        print("  ".join(f"{name}={text(file.attrs[name])}" for name in HOW if name in file.attrs))
        print(f"{'dataset':8} {'shape':>16} {'norm':>12}   first numbers")
        for name, data in file.items():
            values = np.asarray(data, dtype=np.float64)
            shape = " x ".join(str(size) for size in values.shape) or "scalar"
            first = " ".join(f"{x:10.6f}" for x in values.ravel()[:4])
            print(f"{name:8} {shape:>16} {np.linalg.norm(values):12.6g}   {first}")


if __name__ == "__main__":
    main()
