#!/usr/bin/python3
"""Does --method auto take the faster method? A table over orders, rows, dims and tolerances.

    scripts/auto_sweep.py [--tattn build/release/tattn] [--command gradient] > table.md

Each line runs the command on one seeded file with --method exact, polynomial and auto. Seconds are those of the
report: choosing, forward and gradient, without the files. The choice is right when auto took the method with fewer
seconds, or when these differ by less than a tenth. Polynomial is "refused" where no set meets the tolerance. Exact is
not run where auto predicts more than --longest seconds of it: then its prediction stands in brackets.
"""
import argparse
import itertools
import json
import pathlib
import subprocess
import tempfile

CASES = ([(1, n, d) for n in (1000, 4000, 16000, 64000) for d in (8, 64)] +
         [(2, n, d) for n in (100, 250, 600, 1500) for d in (8, 64)] +
         [(3, n, d) for n in (30, 60, 120, 240) for d in (8, 16)])
TOLERANCES = ("1e-1", "1e-3")


def run(tattn, command, source, *options):
    target, report = source.with_name("out.h5"), source.with_name("report.json")
    done = subprocess.run([tattn, command, source, target, "--force", "--quiet", "--report", report, *options],
                          capture_output=True, text=True)
    return json.loads(report.read_text()) if done.returncode == 0 else None


def seconds(report):
    return sum(report["seconds"][step] or 0 for step in ("plan", "forward", "gradient"))


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tattn", default=here / "build/release/tattn")
    parser.add_argument("--command", default="gradient", choices=("forward", "gradient"))
    parser.add_argument("--longest", type=float, default=20)
    options = parser.parse_args()
    right = total = 0
    print("| order | rows | dim | tolerance | exact s | polynomial s | auto s | auto took | predicted s | right |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "in.h5"
        for (order, rows, dim), tolerance in itertools.product(CASES, TOLERANCES):
            subprocess.run([options.tattn, "generate", source, "--force", "--rows", str(rows), "--dim", str(dim), "--order",
                            str(order), "--spread", "0.8", "--upstream", "--quiet"], check=True)
            auto = run(options.tattn, options.command, source, "--tolerance", tolerance)
            tried = run(options.tattn, options.command, source, "--method", "polynomial", "--tolerance", tolerance)
            expected = auto["plan"]["exact_seconds"]
            exact = run(options.tattn, options.command, source, "--method", "exact") if expected < options.longest else None
            times = {"exact": seconds(exact) if exact else expected,
                     "polynomial": seconds(tried) if tried else float("inf")}
            took, best = auto["plan"]["method"], min(times.values())
            good = times[took] <= 1.1 * best
            total, right = total + 1, right + good
            shown = f"{times['exact']:.3f}" if exact else f"({expected:.0f})"
            print(f"| {order} | {rows} | {dim} | {tolerance} | {shown} | "
                  f"{times['polynomial']:.3f} | {seconds(auto):.3f} | {took} | "
                  f"{auto['plan']['predicted']['seconds']:.3f} | {'yes' if good else 'no'} |", flush=True)
    print(f"\nThe faster method in {right} of {total} cases.")


if __name__ == "__main__":
    main()
