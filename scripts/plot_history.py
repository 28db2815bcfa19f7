#!/usr/bin/python3
"""Draws histories of tattn train: loss, gradient norm, features and method over the steps.

    scripts/plot_history.py run.jsonl [another.jsonl ...] --out run.png

A dotted line marks a new plan. Needs matplotlib.
"""
import argparse
import json
import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


def read(path):
    """Lines of steps, and the steps after which a new plan was made. A last line that was cut is left out."""
    steps, replans = [], []
    for text in pathlib.Path(path).read_text().splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        (replans if "replan" in line else steps).append(line)
    if not steps:
        raise SystemExit(f"{path}: has no lines of steps")
    return steps, [line["step"] for line in replans]


def shade_methods(axis, steps):
    """The method below each stretch of steps that it was used for."""
    begin = 0
    for at in range(1, len(steps) + 1):
        if at < len(steps) and steps[at]["method"] == steps[begin]["method"]:
            continue
        first, last = steps[begin]["step"], steps[at - 1]["step"]
        axis.text((first + last) / 2, 0.04, steps[begin]["method"], transform=axis.get_xaxis_transform(),
                  ha="center", fontsize=8, color="0.4")
        if begin:
            axis.axvline(first, color="0.4", linewidth=1)
        begin = at


def draw(paths, out):
    figure, (loss, slope, features) = plt.subplots(3, 1, sharex=True, figsize=(8, 8), height_ratios=(3, 2, 2))
    for path in paths:
        steps, replans = read(path)
        x = [line["step"] for line in steps]
        name = f"{pathlib.Path(path).stem}, {steps[-1]['seconds']:.1f} s"
        color = loss.plot(x, [line["loss"] for line in steps], label=name)[0].get_color()
        slope.plot(x, [line["gradient_norm"] for line in steps], color=color)
        features.step(x, [line["features"] or float("nan") for line in steps], where="post", color=color)
        for at in replans:
            features.axvline(at, color=color, linewidth=0.6, linestyle=":")
    if len(paths) == 1:
        shade_methods(features, steps)
    loss.set(yscale="log", ylabel="loss")
    slope.set(yscale="log", ylabel="gradient norm")
    features.set(ylabel="features", xlabel="step")
    features.set_ylim(bottom=0)
    loss.legend()
    for axis in (loss, slope, features):
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(out, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("history", nargs="+")
    parser.add_argument("--out", default="history.png")
    arguments = parser.parse_args()
    draw(arguments.history, arguments.out)


if __name__ == "__main__":
    main()
