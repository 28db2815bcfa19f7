#!/usr/bin/python3
"""Draws the seconds of compare.py's table over the rows, forward and gradient together, readable in black and white.

    scripts/compare/plot.py TABLE.csv FIGURE.svg [--dim 16]
"""
import argparse
import csv

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

CURVES = (  # contender, with the choice of features, label, style
    ("einsum", False, "PyTorch, einsum", dict(color="0.6", marker="^")),
    ("chunked", False, "PyTorch, chunked", dict(color="0.4", marker="D")),
    ("exact", False, "tattn, exact", dict(color="black", marker="o")),
    ("polynomial", True, "tattn, polynomial, with the choice of features", dict(color="black", marker="s", linestyle="--",
                                                                              markerfacecolor="white")),
    ("polynomial", False, "tattn, polynomial", dict(color="black", marker="s", markerfacecolor="white")),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", metavar="TABLE.csv")
    parser.add_argument("figure", metavar="FIGURE.svg")
    parser.add_argument("--dim", type=int, default=16)
    options = parser.parse_args()
    with open(options.table, newline="") as file:
        lines = [line for line in csv.DictReader(file) if int(line["dim"]) == options.dim]
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, with_choice, label, style in CURVES:
        points = sorted((int(line["rows"]), float(line["forward"]) + float(line["gradient"])
                         + (float(line["plan"]) if with_choice else 0)) for line in lines if line["contender"] == name)
        if points:
            axis.plot(*zip(*points), markersize=5, linewidth=1.2, label=label, **style)
    ticks = sorted({int(line["rows"]) for line in lines})
    axis.set(xscale="log", yscale="log", xlabel=f"rows n of queries and of each key (order 2, d = {options.dim}, float32)",
             ylabel="seconds, forward and gradient")
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8)
    figure.savefig(options.figure, dpi=130)
    print(options.figure)


if __name__ == "__main__":
    main()
