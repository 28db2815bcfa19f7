#!/usr/bin/python3
"""How near are predicted seconds to measured ones? A table over methods, slices, grids, lengths and ranks.

    scripts/prediction_sweep.py [--tattn build/release/tattn] [--ranks 1,2,4] > table.md

Each line runs tattn forward, gradient or train on one seeded file and compares the report's predicted seconds with those
of its passes, or what tattn plan predicts for a step of training with the steps' mean; of --repeats runs the one with the
median ratio counts, because others may use the machine. The last lines are the share of the cases within 25 %, and how
steady the machine was: in how many cases the repeats' own measured seconds lie within 25 % of each other.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

# Command, what generate is given, and what the command is; F stands for all ranks as feature groups.
CASES = (
    ("gradient", "--rows 600 --dim 8", "--method exact"),
    ("gradient", "--rows 500 --dim 16", "--method exact"),
    ("forward", "--rows 800 --dim 16", "--method exact"),
    ("gradient", "--rows 320 --dim 64", "--method exact"),
    ("gradient", "--rows 300 --key-rows 900,250 --dim 16", "--method exact"),
    ("gradient", "--rows 240 --dim 16 --heads 6", "--method exact"),
    ("gradient", "--rows 280 --dim 16 --heads 5", "--method exact"),
    ("gradient", "--rows 8000 --dim 32 --order 1", "--method exact"),
    ("gradient", "--rows 110 --dim 8 --order 3", "--method exact"),
    ("gradient", "--rows 700 --dim 16 --causal", "--method exact"),
    ("gradient", "--rows 400 --dim 16 --dtype f64", "--method exact"),
    ("gradient", "--rows 30000 --dim 16", "--method polynomial --features 600"),
    ("forward", "--rows 120000 --dim 16", "--method polynomial --features 1200"),
    ("gradient", "--rows 60000 --dim 8", "--method polynomial --features 1200"),
    ("gradient", "--rows 15000 --dim 64", "--method polynomial --features 800"),
    ("gradient", "--rows 40000 --key-rows 10000,25000 --dim 16", "--method polynomial --features 1000"),
    ("gradient", "--rows 6000 --dim 16 --heads 8", "--method polynomial --features 600"),
    ("gradient", "--rows 9000 --dim 16 --heads 5", "--method polynomial --features 600"),
    ("gradient", "--rows 30000 --dim 16", "--method polynomial --features 600 --grid 1,F"),
    ("forward", "--rows 60000 --dim 16", "--method polynomial --features 2000 --grid 1,F"),
    ("gradient", "--rows 6000 --dim 16 --heads 4", "--method polynomial --features 1500 --grid 1,F"),
    ("gradient", "--rows 40000 --key-rows 10000,25000 --dim 32", "--method polynomial --features 1000 --grid 1,F"),
    ("gradient", "--rows 30000 --dim 16 --order 3", "--method polynomial --features 600"),
    ("gradient", "--rows 20000 --dim 16 --dtype f64", "--method polynomial --features 500"),
    ("train", "--rows 300 --dim 16", "--method exact"),
    ("train", "--rows 400 --dim 8 --dtype f64", "--method exact"),
    ("train", "--rows 40000 --dim 8", "--method polynomial --features 800"),
    ("train", "--rows 40000 --dim 8 --model-dim 64", "--method polynomial --features 800"),
)
STEPS = 8  # of training
NEAR = 0.25


def run(ranks, arguments):
    subprocess.run(["mpirun", "-np", str(ranks), *arguments], check=True, timeout=120, stdout=subprocess.DEVNULL)


def predicted_and_measured(tattn, command, ranks, how, folder):
    source, target, report, plan = (folder / name for name in ("in.h5", "out.h5", "report.json", "plan.json"))
    common = ["--quiet", "--tolerance", "0.1", *how.replace("F", str(ranks)).split()]
    if command == "train":
        run(ranks, [tattn, "plan", source, "--command", "train", "--steps", str(STEPS), *common, "--report", plan])
        run(ranks, [tattn, "train", source, target, "--steps", str(STEPS), "--learning-rate", "1e-4", *common, "--force",
                    "--report", report])
        steps = json.loads(report.read_text())["training"]["seconds"]["steps"]
        return json.loads(plan.read_text())["plan"]["predicted"]["seconds"], steps / STEPS
    run(ranks, [tattn, command, source, target, *common, "--force", "--report", report])
    said = json.loads(report.read_text())
    return said["plan"]["predicted"]["seconds"], said["seconds"]["forward"] + (said["seconds"]["gradient"] or 0)


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tattn", default=here / "build/release/tattn")
    parser.add_argument("--ranks", default="1,2,4", help="numbers of ranks")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")
    os.environ.setdefault("OMPI_MCA_hwloc_base_binding_policy", "none")
    near = steady = total = 0
    print("| command | file | how | ranks | predicted s | measured s | predicted / measured | within 25 % |\n"
          "|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for command, shape, how in CASES:
            kind = ["--problem"] if command == "train" else ["--upstream"]
            subprocess.run([options.tattn, "generate", folder / "in.h5", "--force", "--quiet", "--spread", "0.5", *kind,
                            *shape.split()], check=True)
            for ranks in map(int, options.ranks.split(",")):
                runs = [predicted_and_measured(options.tattn, command, ranks, how, folder) for _ in range(options.repeats)]
                middle = statistics.median_low([p / m for p, m in runs])
                predicted, measured = next(run for run in runs if run[0] / run[1] == middle)
                good = abs(predicted - measured) <= NEAR * measured
                seconds = [m for _, m in runs]
                steady += max(seconds) <= (1 + NEAR) * min(seconds)
                total, near = total + 1, near + good
                print(f"| {command} | {shape.replace('--', '')} | {how.replace('--', '')} | {ranks} | {predicted:.3f} | "
                      f"{measured:.3f} | {middle:.2f} | {'yes' if good else 'no'} |", flush=True)
    print(f"\nWithin 25 % in {near} of {total} cases. All {options.repeats} measured seconds lie within 25 % of the least in "
          f"{steady}.")


if __name__ == "__main__":
    main()
