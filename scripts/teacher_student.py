#!/usr/bin/python3
"""Experiments with problems whose target comes from a hidden teacher. Each prints what it found; see docs/results.md.

    scripts/teacher_student.py recover     an order-2 student finds the order-2 teacher, an order-1 student cannot
    scripts/teacher_student.py methods     polynomial and exact reach the same loss; in how much less time
    scripts/teacher_student.py large       50,000 rows by the polynomial method

Files go to --folder. Needs numpy and h5py.
"""
import argparse
import json
import pathlib
import subprocess

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent


def tattn(arguments, *words):
    launcher = ["mpirun", "-np", str(arguments.ranks)] if arguments.ranks > 1 else []
    subprocess.run([*launcher, arguments.program, *map(str, words)], check=True)


def generate(arguments, path, rows, model_dim, dim, noise, more=()):
    tattn(arguments, "generate", path, "--problem", "--rows", rows, "--model-dim", model_dim, "--dim", dim, "--noise",
          noise, "--seed", arguments.seed, "--quiet", "--force", *more)


def train(arguments, problem, name, *words):
    """Trains and tells the report and the lines of the history."""
    report, history = (arguments.folder / f"{name}.{kind}" for kind in ("json", "jsonl"))
    tattn(arguments, "train", problem, arguments.folder / f"{name}_out.h5", "--report", report, "--history", history,
          "--force", *words)
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    return json.loads(report.read_text()), [line for line in lines if "replan" not in line]


def noise_loss(problem):
    """The loss that the teacher's own weights have, on the average over the noise."""
    with h5py.File(problem) as file:
        return 0.5 * file["E"].size * float(file.attrs["noise_deviation"]) ** 2


def order_1_student(problem, path):
    """The same inputs and target for order 1: all rows of both keys are its one key. Columns of Q and K are as many
    as give the same number of weights: 2 a d' + a dv = 3 a d + 2 a dv."""
    with h5py.File(problem) as file:
        a, d = file["X1"].shape
        dv = file["E"].shape[1]
        wider = (3 * d + dv) // 2
        random = np.random.default_rng(1)
        spread = wider ** 0.25 / np.sqrt(a) / 2
        with h5py.File(path, "w") as out:
            out["A1"], out["E"] = file["A1"][:], file["E"][:]
            out["A2"] = np.concatenate([file["A2"][:], file["A3"][:]])
            out["A3"] = np.concatenate([file["A4"][:], file["A5"][:]])
            kind = file["E"].dtype
            out["X1"] = random.normal(0, spread, (a, wider)).astype(kind)
            out["X2"] = random.normal(0, spread, (a, wider)).astype(kind)
            out["Y1"] = random.normal(0, 0.5, (a, dv)).astype(kind)
        return 3 * a * d + 2 * a * dv, 2 * a * wider + a * dv


def recover(arguments):
    teacher, other = arguments.folder / "teacher.h5", arguments.folder / "order1.h5"
    generate(arguments, teacher, 300, 6, 4, 0.02, ("--dtype", "f64"))
    weights = order_1_student(teacher, other)
    how = ("--optimizer", "lbfgs", "--steps", arguments.steps or 400, "--method", "exact", "--quiet")
    for order, problem, count in ((2, teacher, weights[0]), (1, other, weights[1])):
        report, steps = train(arguments, problem, f"order{order}", *how)
        print(f"order {order}, {count} weights: loss {steps[0]['loss']:.4g} -> {report['loss']:.4g} "
              f"in {steps[-1]['step']} steps, {report['loss'] / noise_loss(teacher):.3g} times that of the noise")


def methods(arguments):
    problem = arguments.folder / "methods.h5"
    generate(arguments, problem, arguments.rows or 1000, 8, 4, 0.05)
    how = ("--optimizer", "adam", "--learning-rate", 0.01, "--steps", arguments.steps or 60, "--quiet")
    found = {}
    for method in ("exact", "polynomial"):
        report, steps = train(arguments, problem, method, "--method", method, *how)
        found[method] = report["loss"], steps[-1]["seconds"]
        print(f"{method}: loss {report['loss']:.6g} after {steps[-1]['step']} steps in {steps[-1]['seconds']:.1f} s, "
              f"{report['plan']['features']} features, {report['training']}")
    (exact, slow), (polynomial, fast) = found["exact"], found["polynomial"]
    print(f"losses differ by {abs(polynomial - exact) / exact:.2g} of themselves, times by a factor of {slow / fast:.3g}")


def large(arguments):
    problem = arguments.folder / "large.h5"
    generate(arguments, problem, arguments.rows or 50000, 8, 4, 0.05)
    report, steps = train(arguments, problem, "large", "--method", "polynomial", "--optimizer", "adam",
                          "--learning-rate", 0.01, "--steps", arguments.steps or 100)
    shape = report["problem"]
    tuples = shape["rows"] * np.prod([float(rows) for rows in shape["key_rows"]])
    flops = 2 * tuples * (4 * shape["dim"] + 4 * shape["value_dim"] + 1)
    print(f"{shape['rows']} rows: loss {steps[0]['loss']:.6g} -> {report['loss']:.6g} in {steps[-1]['step']} steps, "
          f"{steps[-1]['seconds']:.1f} s; the noise alone has {noise_loss(problem):.6g}; {report['training']}")
    print(f"exact would take {flops:.2g} flops a step: {flops / 1e11 / 3600:.2g} hours at 100 Gflop/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=("recover", "methods", "large"))
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--program", default=ROOT / "build/release/tattn")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    {"recover": recover, "methods": methods, "large": large}[arguments.experiment](arguments)


if __name__ == "__main__":
    main()
