#!/usr/bin/python3
"""How near are predicted seconds to measured ones? A table over methods, slices, grids, lengths and ranks.

    scripts/prediction_sweep.py [--tattn build/release/tattn] [--ranks 1,2] > table.md

Each line runs tattn gradient on one seeded file and compares the report's predicted seconds with those of forward and
gradient; of --repeats runs the one with the median ratio counts, because others may use the machine. The last line is the
share of the cases within 25 %.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

# What generate and gradient are given; F stands for all ranks as feature groups.
CASES = (
    ("--rows 600 --dim 8", "--method exact"),
    ("--rows 500 --dim 16", "--method exact"),
    ("--rows 320 --dim 64", "--method exact"),
    ("--rows 300 --key-rows 900,250 --dim 16", "--method exact"),
    ("--rows 120 --dim 16 --heads 6", "--method exact"),
    ("--rows 200 --dim 16 --heads 5", "--method exact"),
    ("--rows 8000 --dim 32 --order 1", "--method exact"),
    ("--rows 90 --dim 8 --order 3", "--method exact"),
    ("--rows 500 --dim 16 --causal", "--method exact"),
    ("--rows 400 --dim 16 --dtype f64", "--method exact"),
    ("--rows 30000 --dim 16", "--method polynomial --features 600"),
    ("--rows 60000 --dim 8", "--method polynomial --features 1200"),
    ("--rows 15000 --dim 64", "--method polynomial --features 800"),
    ("--rows 40000 --key-rows 10000,25000 --dim 16", "--method polynomial --features 500"),
    ("--rows 6000 --dim 16 --heads 8", "--method polynomial --features 600"),
    ("--rows 9000 --dim 16 --heads 5", "--method polynomial --features 600"),
    ("--rows 30000 --dim 16", "--method polynomial --features 600 --grid 1,F"),
    ("--rows 6000 --dim 16 --heads 4", "--method polynomial --features 1500 --grid 1,F"),
    ("--rows 30000 --dim 16 --order 3", "--method polynomial --features 600"),
    ("--rows 20000 --dim 16 --dtype f64", "--method polynomial --features 500"),
)
NEAR = 0.25


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tattn", default=here / "build/release/tattn")
    parser.add_argument("--ranks", default="1,2", help="numbers of ranks")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    os.environ.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")
    os.environ.setdefault("OMPI_MCA_hwloc_base_binding_policy", "none")
    near = total = 0
    print("| file | how | ranks | predicted s | measured s | predicted / measured | within 25 % |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        source, target, report = (pathlib.Path(folder) / name for name in ("in.h5", "out.h5", "report.json"))
        for shape, how in CASES:
            subprocess.run([options.tattn, "generate", source, "--force", "--quiet", "--upstream", "--spread", "0.5", *shape.split()],
                           check=True)
            for ranks in map(int, options.ranks.split(",")):
                runs = []
                for _ in range(options.repeats):
                    subprocess.run(["mpirun", "-np", str(ranks), options.tattn, "gradient", source, target, "--force", "--quiet",
                                    "--tolerance", "0.1", "--report", report, *how.replace("F", str(ranks)).split()], check=True,
                                   timeout=120)
                    said = json.loads(report.read_text())
                    runs.append((said["plan"]["predicted"]["seconds"], said["seconds"]["forward"] + said["seconds"]["gradient"]))
                middle = statistics.median_low([p / m for p, m in runs])
                predicted, measured = next(run for run in runs if run[0] / run[1] == middle)
                good = abs(predicted - measured) <= NEAR * measured
                total, near = total + 1, near + good
                print(f"| {shape.replace('--', '')} | {how.replace('--', '')} | {ranks} | {predicted:.3f} | {measured:.3f} | "
                      f"{middle:.2f} | {'yes' if good else 'no'} |", flush=True)
    print(f"\nWithin 25 % in {near} of {total} cases.")


if __name__ == "__main__":
    main()
