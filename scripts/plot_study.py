#!/usr/bin/python3
"""Draws a study's table: log-log, with fits, ideal lines and error bars, readable in black and white.

    scripts/plot_study.py OUT.csv [MORE.csv ...] [--output FIGURE.svg] [--title TEXT]

The kind is the table's. Several tables of one kind share a picture: bound for several orders, strong or weak for
several methods. The figure is OUT.svg unless named; .png and .pdf work too. Needs python3-matplotlib (scripts/setup
installs it).
"""
import argparse
import csv
import math
import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

GREYS = ("black", "0.45", "0.65", "0.25")
MARKERS = ("o", "s", "^", "D")
SETTLED = 2e-3  # seconds from which on the work is most of the time


def number(text):
    return float(text) if text else None


def read(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for name in row:
            if name not in ("kind", "method", "point", "grid", "options"):
                row[name] = number(row[name])
        row["measured"] = row["measured"] == 1
    return rows


def seconds(row, suffix=None):
    """Of forward and gradient: measured where it was, else predicted; with a suffix the least or most of the repeats."""
    if suffix:
        return row[f"forward_{suffix}"] + row[f"gradient_{suffix}"]
    forward, gradient = (row["seconds_forward"], row["seconds_gradient"]) if row["measured"] else (
        row["predicted_forward"], row["predicted_gradient"])
    return None if forward is None else forward + (gradient or 0)


def chosen(rows, **wanted):
    return [r for r in rows if seconds(r) is not None and all(r[name] == value for name, value in wanted.items())]


def bars(axis, rows, x, **style):
    """Medians with the least and most of the repeats."""
    middle = [seconds(r) for r in rows]
    spread = [[m - seconds(r, "low") for m, r in zip(middle, rows)], [seconds(r, "high") - m for m, r in zip(middle, rows)]]
    axis.errorbar([r[x] for r in rows], middle, yerr=spread, capsize=2, **style)


def power_law(points):
    """Exponent and factor of the last points, by least squares of the logarithms."""
    points = [(math.log(x), math.log(y)) for x, y in points if y >= SETTLED][-6:]
    if len(points) < 2:
        return None
    mean_x, mean_y = (sum(p[i] for p in points) / len(points) for i in (0, 1))
    spread = sum((x - mean_x)**2 for x, _ in points)
    exponent = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    return exponent, math.exp(mean_y - exponent * mean_x), math.exp(points[0][0])


def draw_length(rows, figure):
    axis = figure.subplots()
    for method, grey, marker in zip(("exact", "polynomial"), GREYS, MARKERS):
        measured = chosen(rows, method=method, measured=True)
        if not measured:
            continue
        law = power_law([(r["rows"], seconds(r)) for r in measured])
        label = f"{method}, time ~ rows$^{{{law[0]:.2f}}}$" if law else method
        bars(axis, measured, "rows", color=grey, marker=marker, linestyle="none", markersize=5, label=label)
        if law:
            ends = [law[2], measured[-1]["rows"]]
            axis.plot(ends, [law[1] * x**law[0] for x in ends], color=grey, linewidth=1)
        if method == "polynomial":
            axis.plot([r["rows"] for r in measured], [seconds(r) + r["seconds_plan"] for r in measured], color=grey, linestyle="--",
                      linewidth=1, label="polynomial with the choice of features")
        beyond = [r for r in chosen(rows, method=method, measured=False) if r["rows"] > measured[-1]["rows"]]
        if beyond:
            axis.plot([r["rows"] for r in beyond], [seconds(r) for r in beyond], color=grey, linestyle=":", marker=marker,
                      markerfacecolor="white", markersize=5, label=f"{method}, predicted")
    for length, name in ((60, "a minute"), (86400, "a day"), (31557600, "a year")):
        if axis.get_ylim()[1] > length:
            axis.axhline(length, color="0.8", linewidth=0.8, zorder=0)
            axis.text(0.99, length * 1.3, name, fontsize=8, color="0.4", ha="right", transform=axis.get_yaxis_transform())
    refused = [r["rows"] for r in rows if r["method"] == "polynomial" and seconds(r) is None]
    note = f"; the polynomial was refused at {', '.join(f'{x:.0f}' for x in refused)} rows" if refused else ""
    axis.set(xscale="log", yscale="log", xlabel="rows n of queries and of each key" + note, ylabel="seconds, forward and gradient")
    axis.legend(frameon=False)


def efficiency(row, rows):
    same = chosen(rows, measured=row["measured"], method=row["method"])
    base = min(same, key=lambda r: r["ranks"])
    ideal = seconds(base) * (base["ranks"] / row["ranks"] if row["kind"] == "strong" else 1)
    return ideal / seconds(row)


def size(row):
    weak = row["kind"] == "weak"
    return f"{row['rows'] / (row['ranks'] if weak else 1):.0f} rows" + (" a rank" if weak else "")


def draw_scaling(tables, figure):
    top, bottom = figure.subplots(2, 1, sharex=True)
    for rows, grey, marker in zip(tables, GREYS, MARKERS):
        measured, predicted = chosen(rows, measured=True), chosen(rows, measured=False)
        name = rows[0]["method"]
        shown = predicted or measured
        label = f"{name}, {size(shown[0])}"
        measured_label = f"{name}, {size(measured[0])}, measured" if measured else None
        if measured and measured_label not in top.get_legend_handles_labels()[1]:
            bars(top, measured, "ranks", color=grey, marker=marker, linestyle="none", label=measured_label)
            bottom.plot([r["ranks"] for r in measured], [efficiency(r, rows) for r in measured], color=grey, marker=marker,
                        linestyle="none")
        if predicted:
            ranks = [r["ranks"] for r in predicted]
            top.plot(ranks, [seconds(r) for r in predicted], color=grey, linestyle="-", marker=marker, markersize=4,
                     markerfacecolor="white", label=f"{label}, predicted")
            bottom.plot(ranks, [efficiency(r, rows) for r in predicted], color=grey, marker=marker, markersize=4,
                        markerfacecolor="white")
            bottom.plot(ranks, [r["communication_share"] for r in predicted], color=grey, linestyle="--")
        ends = [min(r["ranks"] for r in shown), max(r["ranks"] for r in shown)]
        first = seconds(min(shown, key=lambda r: r["ranks"]))
        ideal = [first * (ends[0] / p if rows[0]["kind"] == "strong" else 1) for p in ends]
        top.plot(ends, ideal, color=grey, linestyle=":", linewidth=1)
    top.set(xscale="log", yscale="log", ylabel="seconds,\nforward and gradient\n(dotted: ideal)")
    low, high = top.get_ylim()
    if high < 30 * low:  # a nearly level line, as weak scaling should be
        top.set_ylim(low / 4, high * 4)
    top.legend(frameon=False, fontsize=7, loc="lower left", bbox_to_anchor=(0, 1), ncol=2)
    bottom.axhline(1, color="0.6", linestyle=":", linewidth=1)
    bottom.set(xscale="log", xlabel="ranks", ylabel="efficiency (markers),\nshare of communication (dashed)", ylim=(-0.05, 1.15))


def draw_accuracy(rows, figure):
    axes = figure.subplots(1, 2, sharey=True)
    errors = ("error", "error_dQ", "error_dK1", "error_dV1")
    for axis, full in zip(axes, (False, True)):
        points = [r for r in rows if (r["degree"] is not None) == full and r["error"] is not None]
        for name, grey, marker in zip(errors, GREYS, MARKERS):
            axis.plot([r["features"] for r in points], [r[name] for r in points], color=grey, marker=marker, markersize=4,
                      label="O" if name == "error" else name.removeprefix("error_"))
        told = "certified_error" if full else "measured_error"
        kept = [r for r in points if r[told] is not None]
        axis.plot([r["features"] for r in kept], [r[told] for r in kept], color="black", linestyle="none", marker="x",
                  label="certified bound" if full else "told by the plan")
        axis.set(xscale="log", yscale="log", xlabel="features", title="all of a degree" if full else "chosen by measurement")
        axis.legend(frameon=False, fontsize=8)
    axes[0].set_ylabel("relative error against exact, float64")


def draw_bound(tables, figure):
    left, right = figure.subplots(1, 2)
    for rows, grey, marker in zip(tables, GREYS, MARKERS):
        order = int(rows[0]["order"])
        points = [r for r in chosen(rows, method="polynomial")]
        threshold = math.log(rows[0]["rows"])**(1 / (order + 1))
        style = dict(color=grey, marker=marker, markersize=4)
        left.plot([r["entry"] for r in points], [r["features"] for r in points], label=f"order {order}", **style)
        right.plot([r["entry"] for r in points], [seconds(r) for r in points], label=f"order {order}", **style)
        exact = [seconds(r) for r in rows if r["method"] == "exact"]
        right.axhline(exact[-1], color=grey, linestyle="--", linewidth=1)
        right.text(points[0]["entry"], exact[-1] * 1.15, f"exact, order {order}", fontsize=8, color=grey)
        for axis in (left, right):
            axis.axvline(threshold, color=grey, linestyle=":", linewidth=1)
        refused = [r for r in rows if r["method"] == "polynomial" and seconds(r) is None]
        for r in refused:
            left.plot([r["entry"]], [1], color=grey, marker="x", clip_on=False, transform=left.get_xaxis_transform())
    rows = int(tables[0][0]["rows"])
    for axis, name in ((left, "features needed"), (right, "seconds, forward and gradient")):
        axis.set(yscale="log", xlabel="B, no entry is larger", ylabel=name)
    left.set_title(f"{rows} rows; dotted: B = (log n)$^{{1/(t+1)}}$; crosses: refused", fontsize=9, pad=14)
    left.legend(frameon=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", type=pathlib.Path, metavar="OUT.csv")
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--title")
    options = parser.parse_args()
    tables = [read(path) for path in options.tables]
    kinds = {row["kind"] for rows in tables for row in rows}
    if len(kinds) != 1:
        parser.error(f"the tables must be of one kind and have rows, but they have: {', '.join(sorted(kinds)) or 'none'}")
    kind = kinds.pop()
    wide, high = {"length": (6, 4.2), "accuracy": (7.5, 4), "bound": (7.5, 4)}.get(kind, (6, 5.6))
    figure = plt.figure(figsize=(wide, high), layout="constrained")
    if kind == "length":
        draw_length(tables[0], figure)
    elif kind == "accuracy":
        draw_accuracy(tables[0], figure)
    elif kind == "bound":
        draw_bound(tables, figure)
    else:
        draw_scaling(tables, figure)
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    if options.title:
        figure.suptitle(options.title, fontsize=10)
    target = options.output or options.tables[0].with_suffix(".svg")
    figure.savefig(target, dpi=130)
    print(target)


if __name__ == "__main__":
    main()
