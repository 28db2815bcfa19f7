#!/usr/bin/python3
"""What computing a few heavy rows exactly gains: a table over real data and heavy tails.

    scripts/heavy_table.py [--tattn build/release/tattn] [--rows 500,2000] > table.md

Real sets are those that python3-sklearn ships, each column with mean 0 and deviation 1 (digits without data/digits.h5's
floor under the deviation of nearly blank pixels); Q, the keys and the values are all the same rows. Student-t entries
have 3 degrees of freedom and deviation 1, key dim and value dim 8. Order 2, float32, scale 1/d; --command gradient has
an upstream gradient of normal entries.

Each line runs the command exactly, by the polynomial with nothing heavy, by the polynomial with the heavy rows that it
chooses, and by auto. Seconds are processor seconds of the whole program, which do not depend on what else the machine
does: choosing, computing, and some 0.05 s of starting and files. "-" is a refusal: no set of features meets the
tolerance. The error is that of the split against the exact result: of O, or the largest over
the gradients. Exact is not run where it is predicted to take more than --longest seconds: then the prediction stands
in brackets, and there is no true error.
"""
import argparse
import json
import pathlib
import resource
import subprocess
import tempfile

import h5py
import numpy as np


def real_sets():
    from sklearn import datasets
    sets = {"wine": datasets.load_wine().data, "diabetes": datasets.load_diabetes().data,
            "linnerud": np.hstack([datasets.load_linnerud().data, datasets.load_linnerud().target]),
            "breast cancer": datasets.load_breast_cancer().data, "digits": datasets.load_digits().data}
    for name, x in sets.items():
        x = x[:, x.std(axis=0) > 0]
        x = (x - x.mean(axis=0)) / x.std(axis=0)
        yield name, [x] * 5


def student_sets(sizes, dim=8):
    for n in sizes:
        rng = np.random.default_rng(n)
        yield "Student-t", [rng.standard_t(3, (n, dim)) / np.sqrt(3) for _ in range(5)]


def write(path, arrays):
    with h5py.File(path, "w") as file:
        for name, x in zip(("Q", "K1", "K2", "V1", "V2"), arrays):
            file[name] = x.astype(np.float32)
        file["dO"] = np.random.default_rng(1).standard_normal(arrays[0].shape).astype(np.float32)


def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Runner:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder

    def report(self, command, *options):
        report = self.folder / "report.json"
        before = used()
        done = subprocess.run([*self.options.launcher.split(), self.options.tattn, *command, "--report", report, "--quiet",
                               *options], capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise SystemExit(done.stderr)
        return json.loads(report.read_text()) | {"used": used() - before} if done.returncode == 0 else None

    def run(self, out, *options):
        return self.report([self.options.command, self.folder / "in.h5", self.folder / out, "--force"], *options)

    def exact_seconds(self):
        command = ["plan", self.folder / "in.h5", "--command", self.options.command, "--method", "exact"]
        return self.report(command)["plan"]["predicted"]["seconds"]

    def error(self):
        with h5py.File(self.folder / "exact.h5") as exact, h5py.File(self.folder / "split.h5") as split:
            names = ["O"] if self.options.command == "forward" else [name for name in exact if name.startswith("d")]
            return max(np.linalg.norm((split[name][:] - exact[name][:]).astype(float)) /
                       np.linalg.norm(exact[name][:].astype(float)) for name in names)


def seconds(report):
    return report["used"] if report else float("inf")


def shown(report, digits=3):
    return f"{seconds(report):.{digits}g}" if report else "-"


def line(runner, name, arrays, tolerance, exact, exact_seconds):
    base = ("--tolerance", tolerance)
    plain = runner.run("plain.h5", "--method", "polynomial", "--heavy-rows", "0,0,0", *base)
    split = runner.run("split.h5", "--method", "polynomial", *base)
    auto = runner.run("auto.h5", *base) if exact or split else None
    heavy = (split["plan"]["heavy_rows"] or [0, 0, 0]) if split else None
    error = f"{runner.error():.1e}" if exact and split else ""
    best_other = min(seconds(exact) if exact else exact_seconds, seconds(plain))
    n, d = arrays[0].shape
    taken = auto["plan"]["method"] + (" + heavy" if auto["plan"]["heavy_rows"] else "") if auto else ""
    print(f"| {name} | {n} | {d} | {tolerance} | {shown(exact) if exact else f'({exact_seconds:.0f})'} | "
          f"{shown(plain)} | {plain['plan']['features'] if plain else ''} | {shown(split)} | "
          f"{split['plan']['features'] if split else ''} | {','.join(map(str, heavy)) if heavy else ''} | {error} | "
          f"{shown(auto)} | {taken} | {best_other / seconds(auto or split):.2f} |", flush=True)


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tattn", default=here / "build/release/tattn")
    parser.add_argument("--command", default="forward", choices=("forward", "gradient"))
    parser.add_argument("--launcher", default="", help="for instance 'mpirun -np 2'")
    parser.add_argument("--rows", default="500,2000,10000,50000", help="of the Student-t sets")
    parser.add_argument("--tolerances", default="1e-2,1e-3")
    parser.add_argument("--longest", type=float, default=60)
    parser.add_argument("--only", choices=("real", "student"))
    options = parser.parse_args()
    print("| data | rows | dim | tolerance | exact s | polynomial s | features | split s | features | heavy rows | "
          "true error | auto s | auto took | times faster |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    sets = [] if options.only == "student" else list(real_sets())
    if options.only != "real":
        sets += student_sets(int(n) for n in options.rows.split(","))
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(options, pathlib.Path(folder))
        for name, arrays in sets:
            write(runner.folder / "in.h5", arrays)
            exact_seconds = runner.exact_seconds()
            exact = runner.run("exact.h5", "--method", "exact") if exact_seconds < options.longest else None
            for tolerance in options.tolerances.split(","):
                line(runner, name, arrays, tolerance, exact, exact_seconds)


if __name__ == "__main__":
    main()
