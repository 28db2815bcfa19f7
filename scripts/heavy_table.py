#!/usr/bin/python3
"""What computing a few heavy rows exactly gains: a table over real data and heavy tails.

    scripts/heavy_table.py [--tattn build/release/tattn] [--rows 500,2000] > table.md

Real sets are those that python3-sklearn ships, each column with mean 0 and deviation 1 (digits without data/digits.h5's
floor under the deviation of nearly blank pixels); Q, the keys and the values are all the same rows. Student-t entries
have 3 degrees of freedom and deviation 1, key dim and value dim 8. Order 2, float32, scale 1/d; --command gradient has
an upstream gradient of normal entries.

Each line runs the command exactly, by the polynomial with nothing heavy, by the polynomial with the heavy rows that it
chooses, and by auto. Seconds are processor seconds of the whole program, which depend little on what else the machine
does: choosing, computing, and some 0.1 s of starting and files. Where exact takes less than a second, they are medians of
9 runs, in turns. "-" is a refusal: no set of features meets the tolerance. What is predicted to take more than ten
seconds is run once for split and auto, where auto takes the split, and once for both tolerances, where the plan is the
same. Where auto does as exact does, without a search, the last column has exact's seconds for its own.

The error is that of the split against the exact result: of O, or the largest over the gradients. Exact is not run where
it is predicted to take more than --longest seconds. Then the prediction stands in brackets, and the error, also in
brackets, is that of --sampled rows of O and for gradients dQ, which the exact method gives for a file with these queries
only: half of them the rows of largest norm, the others drawn from the rest, for which they stand by their weight.
"""
import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import tempfile

import h5py
import numpy as np

QUICK, LONG = 1, 10  # seconds: repeated, or run once for both columns


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


def upstream(queries):
    return np.random.default_rng(1).standard_normal(queries.shape)


def write(path, arrays, up):
    with h5py.File(path, "w") as file:
        for name, x in zip(("Q", "K1", "K2", "V1", "V2", "dO"), [*arrays, up]):
            file[name] = x.astype(np.float32)


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
        report = self.report([self.options.command, self.folder / "in.h5", self.folder / out, "--force"], *options)
        return report and report | {"again": (out, *options)}

    def repeat(self, reports):
        """Medians of 9 for those that are quick, in turns: what else the machine does slows all of them alike."""
        quick = [report for report in reports if report and report["used"] < QUICK]
        times = [[report["used"]] for report in quick]
        for _ in range(8):
            for report, seen in zip(quick, times):
                seen.append(self.run(*report["again"])["used"])
        for report, seen in zip(quick, times):
            report["used"] = statistics.median(seen)

    def plan(self, *options):
        return self.report(["plan", self.folder / "in.h5", "--command", self.options.command], *options)["plan"]

    def names(self, file):
        return ["O"] if self.options.command == "forward" else [name for name in file if name.startswith("d")]

    def error(self):
        with h5py.File(self.folder / "exact.h5") as exact, h5py.File(self.folder / "split.h5") as split:
            return max(norm(split[name][:] - exact[name][:]) / norm(exact[name][:]) for name in self.names(exact))

    def sample(self, arrays):
        """Exact results of a few queries."""
        half, rng = self.options.sampled // 2, np.random.default_rng(2)
        order = np.argsort(-np.linalg.norm(arrays[0], axis=1))
        drawn = rng.choice(order[half:], half, replace=False)
        self.rows = np.sort(np.concatenate([order[:half], drawn]))
        self.weight = np.where(np.isin(self.rows, drawn), (len(order) - half) / half, 1.0)
        write(self.folder / "few.h5", [arrays[0][self.rows], *arrays[1:]], upstream(arrays[0])[self.rows])
        self.report([self.options.command, self.folder / "few.h5", self.folder / "exact.h5", "--force"], "--method", "exact")

    def sampled_error(self):
        with h5py.File(self.folder / "exact.h5") as exact, h5py.File(self.folder / "split.h5") as split:
            root = np.sqrt(self.weight)[:, None]
            return max(norm(root * (split[name][:][self.rows] - exact[name][:])) / norm(root * exact[name][:])
                       for name in ("O", "dQ") if name in exact)


def norm(x):
    return np.linalg.norm(x.astype(float))


def seconds(report):
    return report["used"] if report else float("inf")


def shown(report, digits=3):
    return f"{seconds(report):.{digits}g}" if report else "-"


def split_and_auto(runner, base, last):
    """By the polynomial with heavy rows, and by auto. `last`: of another tolerance, which may have the same plan."""
    planned = runner.plan(*base)
    if planned["predicted"]["seconds"] < LONG:
        return runner.run("split.h5", "--method", "polynomial", *base), runner.run("auto.h5", *base)
    if planned["method"] == "exact":
        return runner.run("split.h5", "--method", "polynomial", *base), None
    if last and all(last["plan"][key] == planned[key] for key in ("features", "heavy_rows")):
        return last, last
    auto = runner.run("split.h5", *base)
    return auto, auto


def line(runner, name, arrays, tolerance, exact, exact_seconds, last):
    base = ("--tolerance", tolerance)
    plain = runner.run("plain.h5", "--method", "polynomial", "--heavy-rows", "0,0,0", *base)
    split, auto = split_and_auto(runner, base, last)
    if exact_seconds < QUICK:
        runner.repeat([exact, plain, split, auto])
    heavy = (split["plan"]["heavy_rows"] or [0, 0, 0]) if split else None
    error = "" if not split else f"{runner.error():.1e}" if exact else f"({runner.sampled_error():.1e})"
    best_other = min(seconds(exact) if exact else exact_seconds, seconds(plain))
    same = auto and "too little" in auto["plan"]["reason"]
    n, d = arrays[0].shape
    taken = auto["plan"]["method"] + (" + heavy" if auto["plan"]["heavy_rows"] else "") if auto else ""
    print(f"| {name} | {n} | {d} | {tolerance} | {shown(exact) if exact else f'({exact_seconds:.0f})'} | "
          f"{shown(plain)} | {plain['plan']['features'] if plain else ''} | {shown(split)} | "
          f"{split['plan']['features'] if split else ''} | {','.join(map(str, heavy)) if heavy else ''} | {error} | "
          f"{shown(auto)} | {taken} | {best_other / seconds(exact if same else auto or split):.2f} |", flush=True)
    return split


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tattn", default=here / "build/release/tattn")
    parser.add_argument("--command", default="forward", choices=("forward", "gradient"))
    parser.add_argument("--launcher", default="", help="for instance 'mpirun -np 2'")
    parser.add_argument("--rows", default="500,1000,2000,5000,10000,20000,50000", help="of the Student-t sets")
    parser.add_argument("--tolerances", default="1e-2,1e-3")
    parser.add_argument("--longest", type=float, default=60)
    parser.add_argument("--sampled", type=int, default=64)
    parser.add_argument("--sets", default="wine,diabetes,linnerud,breast cancer,digits,Student-t")
    options = parser.parse_args()
    print("| data | rows | dim | tolerance | exact s | polynomial s | features | split s | features | heavy rows | "
          "true error | auto s | auto took | times faster |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    wanted = options.sets.split(",")
    sets = [pair for pair in real_sets() if pair[0] in wanted]
    if "Student-t" in wanted:
        sets += student_sets(int(n) for n in options.rows.split(","))
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(options, pathlib.Path(folder))
        for name, arrays in sets:
            write(runner.folder / "in.h5", arrays, upstream(arrays[0]))
            exact_seconds = runner.plan("--method", "exact")["predicted"]["seconds"]
            exact = runner.run("exact.h5", "--method", "exact") if exact_seconds < options.longest else None
            if not exact:
                runner.sample(arrays)
            last = None
            for tolerance in options.tolerances.split(","):
                last = line(runner, name, arrays, tolerance, exact, exact_seconds, last)


if __name__ == "__main__":
    main()
