#!/usr/bin/python3
"""Experiments with problems whose target comes from a hidden teacher. Each prints what it found; see docs/results.md.

    scripts/teacher_student.py recover     an order-2 student finds the order-2 teacher, an order-1 student cannot
    scripts/teacher_student.py methods     polynomial and exact reach the same loss; in how much less time
    scripts/teacher_student.py large       50,000 rows by the polynomial method

Files go to --folder, histories among them (scripts/plot_history.py draws them). Needs numpy and h5py.
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


def generate(arguments, path, seed, *words):
    tattn(arguments, "generate", path, "--problem", "--seed", seed, "--quiet", "--force", *words)


def train(arguments, problem, name, *words):
    """Trains and tells the report and the lines of the history that stand for steps."""
    report, history = (arguments.folder / f"{name}.{kind}" for kind in ("json", "jsonl"))
    tattn(arguments, "train", problem, arguments.folder / f"{name}_out.h5", "--report", report, "--history", history,
          "--force", "--progress", "never", *words)
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    return json.loads(report.read_text()), [line for line in lines if "replan" not in line]


def noise_loss(problem):
    """The loss that the teacher's own weights have, on the average over the noise."""
    with h5py.File(problem) as file:
        return 0.5 * file["E"].size * float(file.attrs["noise_deviation"]) ** 2


def shares(report):
    """What of a run went into watching the plan and into new plans."""
    seconds = report["training"]["seconds"]
    watch, replan = (100 * seconds[part] / seconds["steps"] for part in ("watch", "replan"))
    return f"watching {watch:.1f} %, {report['training']['replans']} new plans {replan:.1f} %"


def order_1_student(problem, path, start=1):
    """The same inputs and target for order 1: all rows of both keys are its one key. Columns of Q and K are as many
    as give the same number of weights: 2 a d' + a dv = 3 a d + 2 a dv. Tells both numbers."""
    with h5py.File(problem) as file:
        a, d = file["X1"].shape
        dv = file["E"].shape[1]
        wider = (3 * d + dv) // 2
        random = np.random.default_rng(start)
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


def teacher_output(arguments, problem):
    """Of the teacher on the problem's inputs: the target without its noise."""
    own, out = arguments.folder / "taught.h5", arguments.folder / "taught_out.h5"
    with h5py.File(problem) as file, h5py.File(own, "w") as copy:
        for name in file:
            if name[0] not in "XY":
                copy[name.removeprefix("teacher_")] = file[name][:]
    tattn(arguments, "forward", own, out, "--method", "exact", "--quiet", "--force")
    with h5py.File(out) as file:
        return file["O"][:]


def recover(arguments):
    problem, problem_1 = arguments.folder / "teacher.h5", arguments.folder / "teacher_1.h5"
    generate(arguments, problem, arguments.seed, "--rows", 600, "--key-rows", "30,30", "--model-dim", 6, "--dim", 2,
             "--spread", 1.2, "--noise", 0.05, "--dtype", "f64")
    truth = teacher_output(arguments, problem)
    counts = order_1_student(problem, problem_1)
    how = ("--optimizer", "lbfgs", "--steps", arguments.steps or 3000, "--method", "exact", "--quiet")
    for order, start in ((2, 1), (1, 1), (1, 2), (1, 3)):  # the other student may begin anew
        if order == 1:
            order_1_student(problem, problem_1, start)
        report, steps = train(arguments, problem if order == 2 else problem_1, f"order{order}", *how)
        with h5py.File(arguments.folder / f"order{order}_out.h5") as file:
            error = np.linalg.norm(file["O"][:] - truth) / np.linalg.norm(truth)
        print(f"order {order}, {counts[2 - order]} weights: loss {steps[0]['loss']:.4g} -> {report['loss']:.4g} in "
              f"{steps[-1]['step']} steps, {report['loss'] / noise_loss(problem):.3g} times that of the noise; "
              f"{100 * error:.2g} % off the teacher's output without noise", flush=True)


def methods(arguments):
    problem = arguments.folder / "methods.h5"
    generate(arguments, problem, arguments.seed, "--rows", arguments.rows or 1000, "--model-dim", 8, "--dim", 4,
             "--noise", 0.05, "--spread", 0.7)
    how = ("--optimizer", "adam", "--learning-rate", 0.003, "--steps", arguments.steps or 200, "--quiet")
    found = {}
    for method in ("exact", "polynomial"):
        report, steps = train(arguments, problem, method, "--method", method, *how)
        found[method] = report["loss"], steps[-1]["seconds"]
        print(f"{method}: loss {steps[0]['loss']:.6g} -> {report['loss']:.6g} in {steps[-1]['step']} steps, "
              f"{steps[-1]['seconds']:.2f} s, {report['plan']['features']} features; {shares(report)}", flush=True)
    (exact, slow), (polynomial, fast) = found["exact"], found["polynomial"]
    print(f"losses differ by {abs(polynomial - exact) / exact:.2g} of themselves, times by a factor of {slow / fast:.3g}; "
          f"that of the noise is {noise_loss(problem):.6g}")


def large(arguments):
    problem = arguments.folder / "large.h5"
    generate(arguments, problem, arguments.seed, "--rows", arguments.rows or 50000, "--model-dim", 8, "--dim", 4,
             "--noise", 0.05, "--spread", 0.7)
    report, steps = train(arguments, problem, "large", "--method", "polynomial", "--optimizer", "adam",
                          "--learning-rate", 0.003, "--steps", arguments.steps or 1000)
    print(f"{report['problem']['rows']} rows: loss {steps[0]['loss']:.6g} -> {report['loss']:.6g} in {steps[-1]['step']} "
          f"steps, {steps[-1]['seconds']:.1f} s, {report['plan']['features']} features in the end; that of the noise is "
          f"{noise_loss(problem):.6g}; {shares(report)}", flush=True)
    tattn(arguments, "plan", problem, "--method", "exact")


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
