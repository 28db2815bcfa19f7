#!/usr/bin/python3
"""How fast is the gradient with respect to the whole X, and how does its time grow with the rows?

    scripts/full_gradient_speed.py [--tattn build/release/tattn]

One rank, one thread. exact: 2 (d + dv + a) n n_1 n_2 + 2 a^3 n flops, in double, as a share of what this core reaches in
dgemm (tattn plan --calibrate). polynomial, with a fixed number of features: seconds, and the exponent of n between one line
and the next. Needs numpy and h5py.
"""
import argparse
import json
import math
import pathlib
import subprocess
import tempfile

import h5py
import numpy as np


class Runs:
    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)

    def tattn(self, *words):
        subprocess.run([self.program, *map(str, words)], check=True)

    def dgemm(self):
        machine = self.folder / "machine.json"
        self.tattn("plan", "--calibrate", machine, "--force", "--quiet")
        return json.loads(machine.read_text())["core_flops"]["f64"]

    def seconds(self, rows, model_dim, dim, *how):
        """The best of two runs."""
        problem, out, report = (self.folder / name for name in ("p.h5", "out.h5", "report.json"))
        random = np.random.default_rng(1)
        with h5py.File(problem, "w") as file:
            shapes = {f"A{k}": (rows, model_dim) for k in range(1, 6)} | {"E": (rows, dim)}
            shapes |= {name: (model_dim, dim) for name in ("X1", "X2", "X3", "Y1", "Y2")}
            for name, shape in shapes.items():
                size = 0.7 if name[0] == "A" else 1 / math.sqrt(model_dim)
                file[name] = random.normal(0, size, shape).astype(np.float32)
        best = math.inf
        for _ in range(2):
            self.tattn("gradient", problem, out, "--full-gradient", "--report", report, "--quiet", "--force", *how)
            best = min(best, json.loads(report.read_text())["seconds"]["full_gradient"])
        return best


def exact(runs):
    peak = runs.dgemm()
    print(f"dgemm reaches {peak / 1e9:.1f} Gflop/s\n\n| rows | a | d, dv | exact s | Gflop/s | of dgemm |\n|---|---|---|---|---|---|")
    for rows, a, d in ((300, 8, 4), (300, 16, 8), (300, 32, 16), (300, 64, 32)):
        flops = 2 * (2 * d + a) * rows ** 3 + 2 * a ** 3 * rows
        seconds = runs.seconds(rows, a, d, "--method", "exact")
        print(f"| {rows} | {a} | {d} | {seconds:.3g} | {flops / seconds / 1e9:.1f} | {100 * flops / seconds / peak:.0f} % |",
              flush=True)


def polynomial(runs, features):
    print(f"\n| rows | a | d, dv | polynomial of {features} features s | exponent |\n|---|---|---|---|---|")
    before = None
    for rows in (5000, 10000, 20000, 40000):
        seconds = runs.seconds(rows, 8, 4, "--method", "polynomial", "--features", features)
        exponent = f"{math.log2(seconds / before):.2f}" if before else ""
        print(f"| {rows} | 8 | 4 | {seconds:.3g} | {exponent} |", flush=True)
        before = seconds


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tattn", default=here / "build/release/tattn")
    parser.add_argument("--features", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(options.tattn, folder)
        exact(runs)
        polynomial(runs, options.features)


if __name__ == "__main__":
    main()
