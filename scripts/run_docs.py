#!/usr/bin/python3
"""Runs the commands of the documentation as a reader would, in a scratch folder for each page.

    scripts/run_docs.py [--build build/release] [--list] [PAGE.md ..]

A block of commands is indented, its first line beginning with one of the words below, or a fence of python. The blocks
of a page are run one after the other; what one leaves the next may use. A block under the line

    <!-- not run: why -->

is left alone and named; `<!-- before: command -->` is run too, though a reader does not see it. The first command that
fails ends the run with its output and status 1.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/start_here.md", "docs/studies.md", "docs/library.md", "docs/file_format.md", "docs/cluster.md")
WORDS = ("tattn", "mpirun", "srun", "sbatch", "cmake", "ctest", "export", "module", "lfs", "python3", "pip", "spack")
NOT_RUN = re.compile(r"<!-- not run: (.*) -->")
BEFORE = re.compile(r"<!-- before: (.*) -->")


def is_command(line):
    return line.split()[0].split("=")[0] in WORDS or line.startswith(("scripts/", "build/"))


def blocks(text):
    """(line number, "sh" or "python", code, why it is not run or None) of every block of commands."""
    why, code, kind, begin = None, [], None, 0
    before = ""
    for number, line in enumerate(text.splitlines() + [""], 1):
        if kind == "fence":
            if line.startswith("```"):
                yield begin, "python", "\n".join(code), why
                kind, why, code = None, None, []
            else:
                code.append(line)
        elif kind == "indented" and (line.startswith("    ") or not line):
            code.append(line[4:])
            if line or number == len(text.splitlines()) + 1:
                continue
            if is_command(code[0]):
                yield begin, "sh", "\n".join(code), why
            kind, why, code = None, None, []
        elif line.startswith("```python"):
            kind, begin = "fence", number
        elif line.startswith("    ") and not before:
            kind, begin, code = "indented", number, [line[4:]]
        elif NOT_RUN.match(line):
            why = NOT_RUN.match(line).group(1)
        elif BEFORE.match(line):
            yield number, "sh", BEFORE.match(line).group(1), None
        elif line:
            why = None
        before = "" if line.startswith("<!-- ") else line


def scratch(folder, build):
    """The repository as a reader sees it, with the given build as build/release, and room to write beside it."""
    for name in ("scripts", "data", "docs", "mpi_tests", "src", "include", "CMakeLists.txt", "CMakePresets.json"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "build").mkdir()
    (folder / "build/release").symlink_to(build)


def environment(build):
    result = {**os.environ, "PATH": f"{build}:{os.environ['PATH']}", "MPLBACKEND": "Agg"}
    result.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")
    result.setdefault("OMPI_MCA_hwloc_base_binding_policy", "none")
    result.setdefault("OMP_WAIT_POLICY", "passive")
    return result


def run_page(page, options):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        scratch(folder, options.build)
        for number, kind, code, why in blocks((ROOT / page).read_text()):
            place = f"{page}:{number}"
            if why or options.list:
                print(f"{place}: {'not run: ' + why if why else 'commands'}")
                continue
            command = ["/bin/bash", "-euxo", "pipefail", "-c", code] if kind == "sh" else ["/usr/bin/python3", "-c", code]
            start = time.monotonic()
            run = subprocess.run(command, cwd=folder, env=environment(options.build), text=True, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            print(f"{place}: status {run.returncode}, {time.monotonic() - start:.1f} s", flush=True)
            if run.returncode != 0:
                sys.exit(f"{code}\n{run.stdout}{place}: failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", default=PAGES, metavar="PAGE.md")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release", help="folder of the program")
    parser.add_argument("--list", action="store_true", help="name the blocks, run none")
    options = parser.parse_args()
    options.build = options.build.resolve()
    for page in options.pages:
        run_page(page, options)


if __name__ == "__main__":
    main()
