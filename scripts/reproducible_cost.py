#!/usr/bin/python3
"""What --reproducible costs: forward and gradient seconds with it and without, the best of a few runs of each in turn.

    scripts/reproducible_cost.py [--tattn build/release/tattn] [--ranks 1 2] [--repeats 3]

Results at the first and the last number of ranks are compared as well: every dataset must be the same bits.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import h5py
import numpy

CASES = {
    "exact, order 1": ("--order 1 --rows 8192 --dim 64", "exact"),
    "exact, order 2": ("--order 2 --rows 448 --dim 32", "exact"),
    "polynomial, order 1, 500 features": ("--order 1 --rows 65536 --dim 16", "polynomial --features 500"),
    "polynomial, order 2, 4000 features": ("--order 2 --rows 16384 --dim 16", "polynomial --features 4000"),
    "polynomial, order 1, 64 slices": ("--order 1 --rows 1024 --heads 64 --dim 16", "polynomial --features 500"),
}


def seconds(tattn, ranks, folder, method, flags):
    words = (f"mpirun -np {ranks} {tattn} gradient in.h5 {ranks}.h5 --force --quiet --report r.json "
             f"--method {method} {flags}")
    subprocess.run(words.split(), cwd=folder, check=True, timeout=300)
    told = json.loads((folder / "r.json").read_text())["seconds"]
    return told["forward"], told["gradient"]


def best(runs):
    return min(run[0] for run in runs), min(run[1] for run in runs)


def same_bits(one, other):
    with h5py.File(one) as a, h5py.File(other) as b:
        return all(numpy.array_equal(a[name][...], b[name][...]) for name in a)


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tattn", default=here / "build/release/tattn")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    tattn = pathlib.Path(options.tattn).resolve()
    print("| | ranks | forward | reproducible | gradient | reproducible |\n|---|---|---|---|---|---|")
    for name, (shape, method) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            generate = f"{tattn} generate in.h5 --upstream --spread 0.5 --quiet {shape}"
            subprocess.run(generate.split(), cwd=folder, check=True)
            for ranks in options.ranks:
                turns = [[seconds(tattn, ranks, folder, method, flags) for flags in ("", "--reproducible")]
                         for _ in range(options.repeats)]
                plain, fixed = best([turn[0] for turn in turns]), best([turn[1] for turn in turns])
                cells = [f"{a:.3f} s | {b:.3f} s ({100 * (b / a - 1):+.0f} %)" for a, b in zip(plain, fixed)]
                print(f"| {name} | {ranks} | {cells[0]} | {cells[1]} |", flush=True)
            first, last = (folder / f"{ranks}.h5" for ranks in (options.ranks[0], options.ranks[-1]))
            assert same_bits(first, last), f"{name}: not the same bits"


if __name__ == "__main__":
    main()
