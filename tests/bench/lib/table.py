"""Printing: the medians, the ratios beside their targets, and the same as JSON."""

import json


def show(title, header, lines):
    """A table of text, its columns as wide as they need to be."""
    widths = [max(len(str(line[i])) for line in [header, *lines]) for i in range(len(header))]

    def one(line):
        return "  ".join(str(cell).ljust(width) if i == 0 else str(cell).rjust(width)
                         for i, (cell, width) in enumerate(zip(line, widths))).rstrip()

    print(f"\n{title}")
    print(one(header))
    print("  ".join("-" * width for width in widths))
    for line in lines:
        print(one(line))


def cell(series, digits=0):
    """A median and its spread: '12345 ±4%'; '-' where nothing was measured."""
    if series is None:
        return "-"
    return f"{series.median:.{digits}f} ±{series.spread * 50:.0f}%"


def ratios(title, targets, value_of):
    """targets: (text, key, must, aim). Prints each ratio beside them. True when every must is met."""
    met = True
    lines = []
    for text, key, must, aim in targets:
        value = value_of(key)
        good = value is not None and value >= must
        met = met and good
        lines.append([text, "-" if value is None else f"{value:.2f}", must, aim,
                      "met" if good else "MISSED"])
    show(title, ["ratio", "measured", "must", "aim", ""], lines)
    return met


def save(path, name, settings, results, values):
    """Everything measured, for scripts."""
    rows = [{"row": row if isinstance(row, str) else row.name, "who": who, "figure": figure,
             "median": series.median, "values": series.values}
            for (row, who, figure), series in results.series.items()]
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"bench": name, "settings": settings, "ratios": values, "rows": rows}, out,
                  indent=1)
    print(f"\nall figures: {path}")
