#!/usr/bin/python3
"""Is the polynomial method's error what it says? A table over kinds of data, orders and tolerances.

    scripts/accuracy_sweep.py [--tattn build/release/tattn] [--gradients] > table.md

Each line runs `tattn forward` (or gradient) twice on the same seeded file, exact and --method polynomial, and
compares all rows: the true error is the relative Frobenius norm of the difference of O (or the largest over the
gradients), the measured one is what the program told. Refusals are counted apart: they are not results.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROWS = {1: (1500, 1400), 2: (330, 310, 290), 3: (90, 80, 70, 60)}
DIM = VALUE_DIM = 8
TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def entries(kind, rng, rows):
    """Rows of Q or a key; float64, scores mostly within +-3."""
    if kind == "normal":
        return 0.9 * rng.normal(size=(rows, DIM))
    if kind == "uniform":
        return rng.uniform(-1.4, 1.4, size=(rows, DIM))
    if kind == "anisotropic":
        return rng.normal(size=(rows, DIM)) * 1.6 / (1 + np.arange(DIM)) ** 0.7
    x = 0.7 * rng.normal(size=(rows, DIM))  # outliers: one row in fifty is three times larger
    x[rng.choice(rows, rows // 50, replace=False)] *= 3
    return x


def write_case(path, kind, order, seed, upstream):
    rng = np.random.default_rng(seed)
    rows = ROWS[order]
    with h5py.File(path, "w") as f:
        f["Q"] = entries(kind, rng, rows[0])
        for u in range(order):
            f[f"K{u + 1}"] = entries(kind, rng, rows[u + 1])
            f[f"V{u + 1}"] = rng.uniform(0, 1, size=(rows[u + 1], VALUE_DIM))
        if upstream:
            f["dO"] = rng.normal(size=(rows[0], VALUE_DIM))


def run(tattn, command, source, target, *options):
    report = target.with_suffix(".json")
    done = subprocess.run([tattn, command, source, target, "--force", "--quiet", "--report", report, *options],
                          capture_output=True, text=True)
    return (json.loads(report.read_text()) if done.returncode == 0 else None), done.stderr.strip()


def true_error(exact, tried, names):
    with h5py.File(exact) as a, h5py.File(tried) as b:
        return max(np.linalg.norm(b[n][()] - a[n][()]) / np.linalg.norm(a[n][()]) for n in names)


def cases(digits):
    for order in ROWS:
        for kind in ("normal", "uniform", "anisotropic", "outliers"):
            yield kind, order, None
    yield "digits", 2, digits


def parse(what):
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tattn", default=ROOT / "build/release/tattn")
    parser.add_argument("--gradients", action="store_true")
    return parser.parse_args()


def result_names(command, order):
    return ["O"] if command == "forward" else ["dQ"] + [f"d{x}{u + 1}" for x in "KV" for u in range(order)]


def main():
    options = parse(__doc__)
    command = "gradient" if options.gradients else "forward"
    held = within3 = told = total = refused = 0
    print("| data | order | tolerance | features | heavy rows | measured | true |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for seed, (kind, order, path) in enumerate(cases(ROOT / "data/digits.h5")):
            source = path or folder / "in.h5"
            if not path:
                write_case(source, kind, order, seed, options.gradients)
            run(options.tattn, command, source, folder / "exact.h5", "--method", "exact", "--threads", "2")
            names = result_names(command, order)
            for tolerance in TOLERANCES:
                report, why = run(options.tattn, command, source, folder / "tried.h5", "--method", "polynomial",
                                  "--tolerance", str(tolerance))
                if report is None:
                    refused += 1
                    print(f"| {kind} | {order} | {tolerance:.0e} | refused | | | |")
                    continue
                error, measured = true_error(folder / "exact.h5", folder / "tried.h5", names), report["error"]["measured"]
                total += 1
                held += error <= tolerance
                within3 += error <= 3 * tolerance
                told += measured / 4 <= error <= 4 * measured
                heavy = ",".join(str(count) for count in report["plan"]["heavy_rows"] or [])
                print(f"| {kind} | {order} | {tolerance:.0e} | {report['plan']['features']} | {heavy} | {measured:.1e} | "
                      f"{error:.1e} |")
    print(f"\n{total} results, {refused} refusals: within the tolerance {held}, within 3 times it {within3}, "
          f"true and measured error within a factor of 4 {told}.")


if __name__ == "__main__":
    main()
