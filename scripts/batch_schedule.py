#!/usr/bin/python3
"""Does `tattn batch` keep its ranks busy? 60 files of very different sizes against the best static schedule.

    scripts/batch_schedule.py [--tattn build/release/tattn] [--ranks 2] [--files 60] [--scale 1]

Rows are lognormal, so that a few files take most of the time. The batch runs once with a rank a file, which tells what
each file takes, and once as it schedules by itself. The best static schedule of these times is no shorter than its
longest file or the mean over the ranks, and is found by longest-first assignment and exchanges of files between the
busiest rank and the others. Total times are those of the batch's report, which include looking at all files first.
"""
import argparse
import json
import pathlib
import random
import subprocess
import tempfile


def generate(tattn, folder, count, scale):
    draw = random.Random(7)
    for number in range(count):
        rows = int(min(900, max(20, 120 * scale * draw.lognormvariate(0, 0.8))))
        subprocess.run([tattn, "generate", folder / f"{number:02}.h5", "--rows", str(rows), "--dim", "16", "--upstream",
                        "--quiet"], check=True)


def batch(tattn, ranks, source, target, *options):
    report = target.with_suffix(".json")
    subprocess.run(["mpirun", "-np", str(ranks), tattn, "batch", source, target, "--method", "exact", "--quiet",
                    "--report", report, *options], check=True, timeout=500)
    lines = [json.loads(line) for line in (target / "batch.jsonl").read_text().splitlines()]
    return json.loads(report.read_text())["seconds"]["total"], [line["seconds"] for line in lines]


def best_static(seconds, ranks):
    loads = [[] for _ in range(ranks)]
    for each in sorted(seconds, reverse=True):
        min(loads, key=sum).append(each)
    while True:  # move or exchange whatever shortens the busiest rank most
        busiest = max(loads, key=sum)
        best = (sum(busiest), None)
        for other in loads:
            if other is busiest:
                continue
            for a in busiest:
                for b in [0.0, *other]:
                    longest = max(sum(busiest) - a + b, sum(other) - b + a)
                    if longest < best[0] - 1e-9:
                        best = (longest, (other, a, b))
        if best[1] is None:
            return sum(busiest)
        other, a, b = best[1]
        busiest.remove(a)
        other.append(a)
        if b:
            other.remove(b)
            busiest.append(b)


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tattn", default=here / "build/release/tattn")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--scale", type=float, default=1, help="factor of the rows")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "in").mkdir()
        generate(options.tattn, folder / "in", options.files, options.scale)
        narrow, seconds = batch(options.tattn, options.ranks, folder / "in", folder / "narrow", "--ranks-per-file", "1")
        own, _ = batch(options.tattn, options.ranks, folder / "in", folder / "own")
    best = best_static(seconds, options.ranks)
    print(f"{options.files} files, {options.ranks} ranks: shortest {min(seconds):.2f} s, longest {max(seconds):.2f} s, "
          f"all {sum(seconds):.1f} s")
    print(f"best static schedule     {best:7.2f} s")
    print(f"batch, a rank a file     {narrow:7.2f} s  {100 * (narrow / best - 1):+.1f} %")
    print(f"batch, by its own choice {own:7.2f} s  {100 * (own / best - 1):+.1f} %")


if __name__ == "__main__":
    main()
