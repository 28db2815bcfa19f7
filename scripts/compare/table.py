#!/usr/bin/python3
"""Prints compare.py's table as Markdown, a line for each size, and how many times as long PyTorch's chunked version takes.

    scripts/compare/table.py TABLE.csv

Seconds and shares of sgemm are of forward and gradient. "times" is how many times as long as tattn's exact method.
"""
import csv
import sys

COLUMNS = ("rows", "d", "exact s", "share", "PyTorch chunked s", "share", "times", "einsum s", "times",
           "polynomial s (choice)", "peak MiB exact, chunked, einsum", "error exact, chunked")
LEAST = 128  # rows from which on the worst factor is told


def pair(line, text="{:.2g} + {:.2g}"):
    return text.format(float(line["forward"]), float(line["gradient"])) if line else ""


def share(line):
    return ", ".join(f"{100 * float(line[f'share_{x}']):.0f}" for x in ("forward", "gradient")) + " %" if line else ""


def factors(line, exact):
    return [float(line[x]) / float(exact[x]) for x in ("forward", "gradient")]


def times(line, exact):
    return ", ".join(f"{x:.1f}" for x in factors(line, exact)) if line else ""


def main():
    with open(sys.argv[1], newline="") as file:
        lines = {(int(line["dim"]), int(line["rows"]), line["contender"]): line for line in csv.DictReader(file)}
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    worst = {}
    for dim, rows in sorted({key[:2] for key in lines if key[2] == "exact"}):
        exact, chunked, einsum, polynomial = (lines.get((dim, rows, name))
                                              for name in ("exact", "chunked", "einsum", "polynomial"))
        if chunked and rows >= LEAST:
            worst[dim] = min(worst.get(dim, float("inf")), *factors(chunked, exact))
        choice = f" ({float(polynomial['plan']):.2g})" if polynomial else ""
        memory = ", ".join(line["peak_mib"] if line else "-" for line in (exact, chunked, einsum))
        errors = ", ".join(line["error"] if line else "-" for line in (exact, chunked))
        print(f"| {rows} | {dim} | {pair(exact)} | {share(exact)} | {pair(chunked)} | {share(chunked)} | "
              f"{times(chunked, exact)} | {pair(einsum)} | {times(einsum, exact)} | {pair(polynomial)}{choice} | {memory} | "
              f"{errors} |")
    told = ", ".join(f"{factor:.2f} times at d = {dim}" for dim, factor in sorted(worst.items()))
    if worst:
        print(f"\nFrom {LEAST} rows on the chunked version takes at least {told} as long as exact.")


if __name__ == "__main__":
    main()
