#!/usr/bin/python3
"""How many features does the measured set of data/digits.h5 save? A table over the degree of the full set.

    scripts/measured_sets.py [--tattn build/release/tattn] [--gradients] > table.md

A line runs the full set of one degree (`--degree`), then looks by halving intervals for the smallest measured set
(`--features`) whose true error is no larger. True errors are against the exact method, all rows, as in accuracy_sweep.py.
"""
import math
import pathlib
import tempfile

from accuracy_sweep import ROOT, parse, result_names, run, true_error

DIM = 16


def main():
    options = parse(__doc__)
    command = "gradient" if options.gradients else "forward"
    source = ROOT / "data/digits.h5"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run(options.tattn, command, source, folder / "exact.h5", "--method", "exact", "--threads", "2")

        def error(*how):
            report, why = run(options.tattn, command, source, folder / "tried.h5", "--method", "polynomial", *how)
            return true_error(folder / "exact.h5", folder / "tried.h5", result_names(command, 2)) if report else math.inf

        print("| degree | features, full | true error | features, measured | times fewer |\n|---|---|---|---|---|")
        for degree in range(1, 5):
            full = math.comb(DIM + degree, degree)
            target = error("--degree", str(degree))
            low, high = 0, full  # a measured set of `low` misses, one of `high` is taken to hold
            while high - low > max(1, high // 64):
                middle = (low + high) // 2
                low, high = (low, middle) if error("--features", str(middle)) <= target else (middle, high)
            print(f"| {degree} | {full} | {target:.1e} | {high} | {full / high:.1f} |", flush=True)


if __name__ == "__main__":
    main()
