"""Tables, as text for people and as Markdown for docs/performance.md."""

import collections
import math

Table = collections.namedtuple("Table", "title header lines")


def show(table):
    """As text, its columns as wide as they need to be."""
    rows = [[str(cell) for cell in line] for line in [table.header, *table.lines]]
    widths = [max(len(line[i]) for line in rows) for i in range(len(table.header))]

    def one(line):
        return "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                         for i, (cell, width) in enumerate(zip(line, widths))).rstrip()

    print(f"\n{table.title}")
    print(one(rows[0]))
    print("  ".join("-" * width for width in widths))
    for line in rows[1:]:
        print(one(line))


def markdown(table):
    lines = [table.header, ["---"] + ["---:"] * (len(table.header) - 1), *table.lines]
    return "\n".join([f"{table.title}:", ""] +
                     ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines])


def rounded(value, digits):
    """With so many digits behind the point; from 1000 on, three significant digits."""
    if value < 1000:
        return f"{value:.{digits}f}"
    return f"{round(value, 2 - math.floor(math.log10(value))):.0f}"


def cell(series, digits=0):
    """A median and its spread: '12300 ±4%'; '-' where nothing was measured."""
    if series is None:
        return "-"
    spread = series.spread * 50
    return f"{rounded(series.median, digits)} ±" + (f"{spread:.0f}%" if spread <= 100 else ">100%")
