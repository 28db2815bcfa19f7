#!/usr/bin/python3
"""Runs with more than 2^31 entries in one dataset, from generate to result, held against sampled rows in numpy.

    scripts/large_counts.py [--tattn build/release/tattn] [--folder /var/tmp] [--ranks 2] [--features 200]

Order 1, float32: a Q of 2^31 + 64 entries that is read (dim 64), then an O of as many that is written (value dim 64).
Each takes about 9 GB of disk and 10 GB of memory; the keys are few, so that the time goes into reading, the passes over
the queries, and writing. The first, middle and last rows and others at random are computed again by the softmax itself
in float64; they must agree within ten times the error that the run measured on its own few rows: a row that went to the
wrong place would be off by about 1.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import h5py
import numpy

ENTRIES = 2**31 + 64
KEYS = 300
CASES = {"read": (64, 4), "write": (4, 64)}  # dim, value dim


def expected(source, rows):
    query = source["Q"][rows].astype(float)
    scores = query @ source["K1"][...].astype(float).T / query.shape[1]
    top = scores.max(axis=1, keepdims=True)
    weights = numpy.exp(scores - top)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total @ source["V1"][...].astype(float), (top + numpy.log(total))[:, 0]


def check(source, result, error):
    count = source["Q"].shape[0]
    draw = numpy.random.default_rng(1).integers(0, count, 400)
    rows = numpy.unique(numpy.concatenate([draw, [0, count // 2, count - 1]]))
    output, lse = expected(source, rows)
    found = {"O": result["O"][rows], "LSE": result["LSE"][rows]}
    for name, exact in (("O", output), ("LSE", lse)):
        miss = numpy.linalg.norm(found[name] - exact) / numpy.linalg.norm(exact)
        print(f"  {name:3} {len(rows)} rows, relative error {miss:.2g}", flush=True)
        assert miss <= max(10 * error, 1e-4), f"{name} is wrong"


def run(options, name, dim, value_dim, folder):
    rows = ENTRIES // max(dim, value_dim)
    source, result, report = folder / "in.h5", folder / "out.h5", folder / "report.json"
    shape = ["--order", 1, "--rows", rows, "--key-rows", KEYS, "--dim", dim, "--value-dim", value_dim, "--spread", 0.7]
    call = lambda *words: subprocess.run([str(word) for word in words], check=True, timeout=3000)
    call(options.tattn, "generate", source, *shape, "--quiet")
    call("mpirun", "-np", options.ranks, options.tattn, "forward", source, result, "--method", "polynomial",
         "--features", options.features, "--memory", options.memory, "--quiet", "--report", report)
    told = json.loads(report.read_text())
    seconds = told["seconds"]
    print(f"{name}: {rows} rows, dim {dim}, value dim {value_dim}, {options.features} features, {options.ranks} ranks: "
          f"read {seconds['read']:.0f} s, forward {seconds['forward']:.0f} s, write {seconds['write']:.0f} s, "
          f"{told['peak_memory_bytes'] / 1e9:.1f} GB a rank, measured error {told['error']['measured']:.2g}")
    with h5py.File(source) as operands, h5py.File(result) as results:
        largest = max(operands["Q"].size, results["O"].size)
        assert largest > 2**31, "nothing is large here"
        check(operands, results, told["error"]["measured"])


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tattn", default=here / "build/release/tattn")
    parser.add_argument("--folder", default="/var/tmp", help="on a disk with 20 GB to spare")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--features", type=int, default=200)
    parser.add_argument("--memory", default="13G", help="of a rank; what is asked for beforehand is more than is taken")
    parser.add_argument("--only", choices=CASES, help="one of the two")
    options = parser.parse_args()
    for name, (dim, value_dim) in CASES.items():
        if options.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            run(options, name, dim, value_dim, pathlib.Path(folder))


if __name__ == "__main__":
    main()
