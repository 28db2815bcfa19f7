#!/usr/bin/python3
"""tattn beside PyTorch on the same inputs, in one run on one machine: seconds, rates, memory.

    scripts/compare_torch.py [--rows 256 512 1024] [--dims 8 16 64] [--threads 2]

Three contenders compute tensor attention of order 2 and its gradient in float32:

    tattn     build/release/tattn gradient, the times of its own report
    chunked   PyTorch, the whole score matrix of a few query rows at a time, backward by recomputation
    naive     PyTorch, einsum over the whole score tensor, backward by autograd

Rates count 2 (d+dv+1) n n1 n2 flops for forward and 2 (3d+3dv) n n1 n2 for the gradient, whoever computes.
The share is of a 2048^3 sgemm of PyTorch with the same threads in the same run. Every contender runs in
a process of its own, so that its peak memory is its own. A time is the best of --repeat. `difference`
is to tattn's result, relative in the Frobenius norm, the worst of O and the gradients.

Needs more than scripts/setup installs: apt-get install python3-torch libopenblas0-openmp
(with the pthread flavour of OpenBLAS PyTorch's threads and BLAS's spin against each other).
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

try:
    import h5py
    import numpy as np
    import torch
except ImportError as missing:
    sys.exit(f"compare_torch.py: {missing}; apt-get install python3-torch libopenblas0-openmp python3-h5py")

ROOT = pathlib.Path(__file__).resolve().parent.parent
OPERANDS = ("Q", "K1", "K2", "V1", "V2")
BLOCK_BYTES = 8 << 20  # of scores at a time in the chunked version: about what a core's caches hold


class Chunked(torch.autograd.Function):
    """Tensor attention with all scores of a few query rows at a time, in O(n^2) memory."""

    @staticmethod
    def blocks(Q, K1, K2):
        step = max(1, BLOCK_BYTES // (4 * len(K1) * len(K2)))
        return [slice(i, min(i + step, len(Q))) for i in range(0, len(Q), step)]

    @staticmethod
    def pairs(rows, matrix):
        """The products of every row of `rows` with every row of `matrix`, (i j) x columns."""
        return (rows[:, None, :] * matrix).reshape(-1, matrix.shape[1])

    @staticmethod
    def forward(ctx, Q, K1, K2, V1, V2, scale):
        O, lse = torch.empty(len(Q), V1.shape[1]), torch.empty(len(Q))
        for i in Chunked.blocks(Q, K1, K2):
            count = i.stop - i.start
            s = (Chunked.pairs(scale * Q[i], K1) @ K2.T).view(count, -1)
            top = s.max(dim=1, keepdim=True).values
            p = s.sub_(top).exp_()
            total = p.sum(dim=1, keepdim=True)
            products = (p.view(-1, len(K2)) @ V2).view(count, len(K1), -1)
            O[i] = (products * V1).sum(1) / total
            lse[i] = (top + total.log()).squeeze(1)
        ctx.save_for_backward(Q, K1, K2, V1, V2, O, lse)
        ctx.scale = scale
        return O

    @staticmethod
    def backward(ctx, dO):
        Q, K1, K2, V1, V2, O, lse = ctx.saved_tensors
        dQ, dK1, dK2, dV1, dV2 = (torch.zeros_like(x) for x in (Q, K1, K2, V1, V2))
        delta = (dO * O).sum(1, keepdim=True)
        for i in Chunked.blocks(Q, K1, K2):
            count = i.stop - i.start
            query_key, value_grad = Chunked.pairs(ctx.scale * Q[i], K1), Chunked.pairs(dO[i], V1)
            p = (query_key @ K2.T).view(count, -1).sub_(lse[i, None]).exp_().view(-1, len(K2))
            ds = (value_grad @ V2.T).view(count, -1).sub_(delta[i]).view(-1, len(K2)).mul_(p)
            t1 = ctx.scale * (ds @ K2).view(count, len(K1), -1)
            t2 = (p @ V2).view(count, len(V1), -1)
            dQ[i] = (t1 * K1).sum(1)
            dK1 += (t1 * Q[i, None, :]).sum(0)
            dV1 += (t2 * dO[i, None, :]).sum(0)
            dK2 += ds.T @ query_key
            dV2 += p.T @ value_grad
        return dQ, dK1, dK2, dV1, dV2, None


def naive(Q, K1, K2, V1, V2, scale):
    s = scale * torch.einsum("il,jl,kl->ijk", Q, K1, K2)
    p = torch.softmax(s.flatten(1), 1).view_as(s)
    return torch.einsum("ijk,jm,km->im", p, V1, V2)


METHODS = {"chunked": Chunked.apply, "naive": naive}


def difference(results, expected_file):
    """The largest of ||x - expected|| / ||expected|| over O and the gradients."""
    with h5py.File(expected_file) as file:
        return max(float(np.linalg.norm(x - file[name][:]) / np.linalg.norm(file[name][:]))
                   for name, x in results.items())


def peak_bytes():
    """The most memory this process held. Not getrusage's, which starts with the parent's."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def work(method, file_name, expected_file, repeat):
    """What the process of one PyTorch contender does: prints its times and memory as JSON."""
    with h5py.File(file_name) as file:
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
    results = {"O": O.detach().numpy()}
    results.update({"d" + name: g.numpy() for name, g in zip(OPERANDS, gradients)})
    best["memory"] = peak_bytes()
    best["difference"] = difference(results, expected_file)
    print(json.dumps(best))


def torch_environment():
    """PyTorch's own threads and the pthread flavour of OpenBLAS spin against each other: prefer OpenMP's."""
    flavour = pathlib.Path("/usr/lib/x86_64-linux-gnu/openblas-openmp")
    return {**os.environ, "LD_LIBRARY_PATH": str(flavour)} if flavour.exists() else None


def run_torch(method, files, options):
    command = [sys.executable, __file__, "--work", method, *files, "--threads", str(options.threads),
               "--repeat", str(options.repeat)]
    run = subprocess.run(command, capture_output=True, text=True, env=torch_environment())
    if run.returncode != 0:
        raise RuntimeError((run.stderr.strip().splitlines() or [f"killed, status {run.returncode}"])[-1])
    return json.loads(run.stdout)


def run_tattn(files, options, folder):
    best, report_file = {"difference": 0.0}, folder / "report.json"
    for _ in range(options.repeat):
        subprocess.run([options.tattn, "gradient", *files, "--method", "exact", "--force", "--quiet",
                        "--threads", str(options.threads), "--report", report_file], check=True)
        report = json.loads(report_file.read_text())
        for name in ("forward", "gradient"):
            best[name] = min(best.get(name, float("inf")), report["seconds"][name])
        best["memory"] = report["peak_memory_bytes"]
    return best


def sgemm_rate(size=2048, repeat=5):
    a, b = torch.rand(size, size), torch.rand(size, size)
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds) / 1e9


def available_bytes():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def compare(rows, dim, sgemm, options, folder):
    files = (str(folder / "in.h5"), str(folder / "out.h5"))
    subprocess.run([options.tattn, "generate", files[0], "--rows", str(rows), "--dim", str(dim), "--upstream",
                    "--seed", "1", "--force", "--quiet"], check=True)
    flops = {"forward": 2 * (2 * dim + 1) * rows**3, "gradient": 2 * 6 * dim * rows**3}
    for name in ("tattn", "chunked", "naive"):
        label = f"{rows:5} {dim:4} {name:8}"
        if name == "naive" and 20 * rows**3 > available_bytes() / 2:  # five tensors of n^3 floats, seen in a backward
            print(f"{label} skipped: needs about {20 * rows**3 / 2**30:.1f} GiB, more than half of what is free")
            continue
        try:
            best = run_tattn(files, options, folder) if name == "tattn" else run_torch(name, files, options)
        except RuntimeError as error:
            print(f"{label} failed: {error}")
            continue
        rates = [(best[x], flops[x] / best[x] / 1e9) for x in ("forward", "gradient")]
        print(label, " ".join(f"{seconds:9.4f} {rate:7.1f} {100 * rate / sgemm:5.1f} %" for seconds, rate in rates),
              f"{best['memory'] / 2**20:9.0f} {best['difference']:10.1e}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--dims", type=int, nargs="+", default=[8, 16, 64])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--tattn", default=str(ROOT / "build/release/tattn"), help="the program to compare")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.work:
        return work(*options.work, options.repeat)
    if not pathlib.Path(options.tattn).exists():
        sys.exit(f"compare_torch.py: {options.tattn} is not there; build it with scripts/quickstart or name one with --tattn")

    sgemm = sgemm_rate()
    if torch_environment() is None:
        print("note: OpenBLAS with pthreads slows PyTorch down here; apt-get install libopenblas0-openmp")
    print(f"PyTorch {torch.__version__}, {options.threads} threads, sgemm {sgemm:.1f} GF/s, best of {options.repeat}")
    print(f"{'rows':>5} {'d=dv':>4} {'':8} {'forward s':>9} {'GF/s':>7} {'share':>7} {'gradient s':>9} {'GF/s':>6} "
          f"{'share':>7} {'peak MiB':>9} {'difference':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for dim in options.dims:
            for rows in options.rows:
                compare(rows, dim, sgemm, options, pathlib.Path(folder))


if __name__ == "__main__":
    main()
