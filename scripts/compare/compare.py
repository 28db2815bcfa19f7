#!/usr/bin/python3
"""tattn beside PyTorch on the same inputs, in one run on one machine: seconds, rates, memory, error.

    scripts/compare/compare.py TABLE.csv [--rows 128 256 512 1024] [--dims 8 16 64] [--threads 1]

Four contenders compute tensor attention of order 2 and its gradient in float32 (attention.py has the last two):

    exact       tattn, the exact method
    polynomial  tattn, the polynomial method with gradients within --tolerance, where it can; `plan` is its choice of features
    chunked     PyTorch, the whole score matrix of a few query rows at a time, backward by recomputation
    einsum      PyTorch, einsum over the whole score tensor, backward by autograd; left out where that does not fit

Shares count 2 (d+dv+1) n n1 n2 flops for forward and 2 (3d+3dv) n n1 n2 for the gradient, whoever computes, and are
of a 2048^3 sgemm of PyTorch with the same threads just before. Every contender runs in a process of its own, so that its
peak memory is its own, and its times are the best of --repeat passes within that process: no start of a process is in
them. From --long rows on there is one pass, but of the polynomial. `error` is that of O and dQ in 16 query rows against
float64, `difference` that of O and all gradients to those of exact; both relative in the Frobenius norm, the worst counts.

TABLE.csv gets a line a contender; those that it has are kept, so a long comparison may be made in pieces.
Needs more than scripts/setup installs: apt-get install python3-torch libopenblas0-openmp
(with the pthread flavour of OpenBLAS PyTorch's threads and BLAS's spin against each other).
"""
import argparse
import csv
import ctypes
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

try:
    import h5py
    import numpy as np
    import torch
except ImportError as missing:
    sys.exit(f"compare.py: {missing}; apt-get install python3-torch libopenblas0-openmp python3-h5py")

from attention import METHODS, rows_in_float64

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OPERANDS = ("Q", "K1", "K2", "V1", "V2")
RESULTS = ("O",) + tuple("d" + name for name in OPERANDS)
COLUMNS = ("rows", "dim", "contender", "plan", "forward", "gradient", "share_forward", "share_gradient", "peak_mib", "error",
           "difference", "sgemm", "threads", "versions")
SAMPLED = 16
TATTN = ("exact", "polynomial")
SPREAD = "0.7"  # of the entries


def relative(x, right):
    return float(np.linalg.norm(x - right) / np.linalg.norm(right))


def peak_bytes():
    """The most memory this process held. Not getrusage's, which starts with the parent's."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def work(method, source, target, repeat):
    """What the process of one PyTorch contender does: prints its times and memory as JSON, results into target."""
    if method == "sgemm":
        return print(json.dumps(sgemm_rate()))
    with h5py.File(source) as file:
        data = [torch.tensor(file[name][:], requires_grad=True) for name in OPERANDS]
        dO, scale = torch.tensor(file["dO"][:]), float(file.attrs.get("scale", 1 / file["Q"].shape[1]))
    best = {"forward": float("inf"), "gradient": float("inf")}
    for _ in range(repeat):
        start = time.perf_counter()
        O = METHODS[method](*data, scale)
        middle = time.perf_counter()
        gradients = torch.autograd.grad(O, data, dO)
        end = time.perf_counter()
        best["forward"] = min(best["forward"], middle - start)
        best["gradient"] = min(best["gradient"], end - middle)
    best["memory"] = peak_bytes()
    with h5py.File(target, "w") as file:
        for name, result in zip(RESULTS, (O.detach(), *gradients)):
            file[name] = result.numpy()
    print(json.dumps(best))


def torch_environment():
    """PyTorch's own threads and the pthread flavour of OpenBLAS spin against each other: prefer OpenMP's."""
    flavour = pathlib.Path("/usr/lib/x86_64-linux-gnu/openblas-openmp")
    return {**os.environ, "LD_LIBRARY_PATH": str(flavour)} if flavour.exists() else None


def openblas_core():
    """What OpenBLAS takes the processor for."""
    blas = ctypes.CDLL("libopenblas.so.0")
    blas.openblas_get_corename.restype = ctypes.c_char_p
    return blas.openblas_get_corename().decode()


def refuse_slow_products(core):
    """On a processor that OpenBLAS does not know PyTorch would be several times slower than it need be."""
    if core == "Prescott" and " avx2 " in pathlib.Path("/proc/cpuinfo").read_text():
        sys.exit("compare.py: OpenBLAS does not know this processor: set OPENBLAS_CORETYPE to what it has, Haswell (AVX2) or "
                 "SkylakeX (AVX-512)")


def run_torch(method, source, target, repeat, options):
    command = [sys.executable, __file__, "-", "--work", method, source, target, str(repeat), "--threads", str(options.threads)]
    environment = {**(torch_environment() or os.environ), "OPENBLAS_NUM_THREADS": str(options.threads)}
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    if run.returncode != 0:
        raise RuntimeError((run.stderr.strip().splitlines() or [f"killed, status {run.returncode}"])[-1])
    return json.loads(run.stdout)


def run_tattn(method, source, target, rows, dim, repeat, options):
    """Results, memory and, of a single pass, times by `gradient`; repeated passes in one process by `study`, which
    makes the same numbers in memory."""
    common = ["--method", method, "--tolerance", str(options.tolerance), "--force", "--quiet", "--threads", str(options.threads)]
    report = pathlib.Path(target + ".json")
    run = subprocess.run([options.tattn, "gradient", source, target, *common, "--report", report], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip())
    said = json.loads(report.read_text())
    best = {name: said["seconds"][name] for name in ("plan", "forward", "gradient")}
    best["memory"] = said["peak_memory_bytes"]
    if repeat > 1:
        table = target + ".csv"
        subprocess.run([options.tattn, "study", "strong", table, "--rows", str(rows), "--dim", str(dim), "--spread", SPREAD,
                        "--repeats", str(repeat), *common], check=True, stdout=subprocess.DEVNULL)
        with open(table, newline="") as file:
            point = next(csv.DictReader(file))
        best.update(forward=float(point["forward_low"]), gradient=float(point["gradient_low"]))
    return best


def sgemm_rate(size=2048, repeat=5):
    a, b = torch.rand(size, size), torch.rand(size, size)
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def available_bytes():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


class Table:
    """The lines of TABLE.csv, there before or added."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.lines = list(csv.DictReader(self.path.open(newline=""))) if self.path.exists() else []

    def has(self, rows, dim, name):
        return any((line["rows"], line["dim"], line["contender"]) == (str(rows), str(dim), name) for line in self.lines)

    def add(self, line):
        self.lines.append(line)
        with self.path.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.lines)


def errors(source, target, exact_target):
    with h5py.File(source) as given, h5py.File(target) as file, h5py.File(exact_target) as exact:
        sample = np.unique(np.linspace(0, len(given["Q"]) - 1, SAMPLED).astype(int))
        right = rows_in_float64(given, sample)
        error = max(relative(file[name][:][sample], right[name]) for name in right)
        return error, max(relative(file[name][:], exact[name][:]) for name in RESULTS)


def measured(name, source, target, rows, dim, options):
    repeat = 1 if rows >= options.long and name != "polynomial" else options.repeat
    if name in TATTN:
        return run_tattn(name, source, target, rows, dim, repeat, options)
    needed = 20 * rows**3  # five tensors of n^3 floats, seen in a backward
    if name == "einsum" and needed > available_bytes() / 2:
        raise RuntimeError(f"left out: needs about {needed / 2**30:.1f} GiB, more than half of what is free")
    return run_torch(name, source, target, repeat, options)


def line_of(rows, dim, name, best, sgemm, error, difference, options):
    flops = {"forward": 2 * (2 * dim + 1) * rows**3, "gradient": 2 * 6 * dim * rows**3}
    return {"rows": rows, "dim": dim, "contender": name, "plan": f"{best['plan']:.6f}" if name == "polynomial" else "",
            **{x: f"{best[x]:.6f}" for x in flops},
            **{f"share_{x}": f"{flops[x] / best[x] / sgemm:.4f}" for x in flops},
            "peak_mib": round(best["memory"] / 2**20), "error": f"{error:.2e}", "difference": f"{difference:.2e}",
            "sgemm": f"{sgemm:.4e}", "threads": options.threads, "versions": options.versions}


def compare(rows, dim, table, options, folder):
    names = [name for name in (*TATTN, *METHODS) if not table.has(rows, dim, name)]
    if not names:
        return
    source, results = str(folder / "in.h5"), {name: str(folder / f"{name}.h5") for name in (*TATTN, *METHODS)}
    subprocess.run([options.tattn, "generate", source, "--rows", str(rows), "--dim", str(dim), "--upstream",
                    "--seed", "1", "--spread", SPREAD, "--force", "--quiet"], check=True)
    sgemm = run_torch("sgemm", "", "", 1, options)
    if "exact" not in names:  # what the others are compared with
        run_tattn("exact", source, results["exact"], rows, dim, 1, options)
    for name in names:
        try:
            best = measured(name, source, results[name], rows, dim, options)
        except RuntimeError as why:
            print(f"{rows:5} {dim:4} {name:10} {why}", flush=True)
            continue
        line = line_of(rows, dim, name, best, sgemm, *errors(source, results[name], results["exact"]), options)
        table.add(line)
        print(f"{rows:5} {dim:4} {name:10} {best['forward']:9.4f} {100 * float(line['share_forward']):6.1f} % "
              f"{best['gradient']:9.4f} {100 * float(line['share_gradient']):6.1f} % {line['peak_mib']:8} {line['error']:>9} "
              f"{line['difference']:>9}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", metavar="TABLE.csv")
    parser.add_argument("--rows", type=int, nargs="+", default=[128, 256, 512, 1024])
    parser.add_argument("--dims", type=int, nargs="+", default=[8, 16, 64])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--long", type=int, default=1024, help="from so many rows on one pass")
    parser.add_argument("--tolerance", type=float, default=1e-2, help="of the polynomial's gradients")
    parser.add_argument("--tattn", default=str(ROOT / "build/release/tattn"), help="the program to compare")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.work:
        return work(*options.work[:3], int(options.work[3]))
    if not pathlib.Path(options.tattn).exists():
        sys.exit(f"compare.py: {options.tattn} is not there; build it with scripts/quickstart or name one with --tattn")
    version = subprocess.run([options.tattn, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    core = openblas_core()
    refuse_slow_products(core)
    options.versions = (f"{version}; PyTorch {torch.__version__}; numpy {np.__version__}; Python {platform.python_version()}; "
                        f"OpenBLAS kernels {core}")

    if torch_environment() is None:
        print("note: OpenBLAS with pthreads slows PyTorch down here; apt-get install libopenblas0-openmp")
    print(f"{options.versions}; threads: {options.threads}")
    print(f"{'rows':>5} {'d=dv':>4} {'':10} {'forward s':>9} {'share':>8} {'gradient s':>9} {'share':>7} {'peak MiB':>8} "
          f"{'error':>9} {'difference':>9}")
    table = Table(options.table)
    with tempfile.TemporaryDirectory() as folder:
        for dim in options.dims:
            for rows in options.rows:
                compare(rows, dim, table, options, pathlib.Path(folder))


if __name__ == "__main__":
    main()
