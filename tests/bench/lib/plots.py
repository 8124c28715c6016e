"""SVG plots of what was measured, by gnuplot."""

import os
import subprocess

from . import comparison, load, questions

STYLE = """
set terminal svg size 900,{height} background "white" font "sans,12"
set output "{path}"
set datafile missing "?"
set grid ytics lc rgb "#bbbbbb"
set border 3
set tics nomirror
"""


def gnuplot(path, height, script):
    subprocess.run(["gnuplot"], input=STYLE.format(path=path, height=height) + script, text=True,
                   check=True)


def bars(path, results, unit):
    """A group of bars for each row that has this unit, with what was lowest and highest."""
    rows = [row for row in load.ROWS if comparison.figure_of(row)[1] == unit]
    figure = comparison.figure_of(rows[0])[0]
    names = [name for name in results.contestants()
             if any(results.get(row.name, name, figure) for row in rows)]
    lines = []
    for row in rows:
        cells = [f'"{row.name}"']
        for name in names:
            series = results.get(row.name, name, figure)
            cells += [str(number) for number in (series.median, min(series.values),
                                                 max(series.values))] if series else ["?"] * 3
        lines.append(" ".join(cells))
    plots = [f"$data using {3 * i + 2}:{3 * i + 3}:{3 * i + 4}" + (":xtic(1)" if i == 0 else "") +
             f' title "{name}"' for i, name in enumerate(names)]
    gnuplot(path, 400, "\n".join([
        "$data << END", *lines, "END",
        "set style data histograms", "set style histogram errorbars gap 2 lw 1",
        "set style fill solid 0.7", f'set ylabel "{unit}"', "set yrange [0:*]",
        "set key outside top center horizontal", "plot " + ", ".join(plots), ""]))


def lines(path, results):
    """A panel for each question: CPU time of client and server per I/O, or MiB of an iov."""
    script = ["set multiplot layout 3,2", "set logscale x", "set yrange [0:*]",
              "set key center right", 'set title font ",11"']
    for number, (question, about) in enumerate(questions.QUESTIONS.items()):
        per_mib = about.judged.endswith("per_mib")
        script.append(f"$data{number} << END")
        for point in questions.points_in(results, question):
            sides = [results.median(point.name, "ours", f"{side}_us") / (point.x if per_mib else 1)
                     for side in ("client", "server")]
            script.append(" ".join(str(value) for value in [point.x, *sides]))
        script += ["END", f'set title "{about.title}"', f'set xlabel "{question}"',
                   f'set ylabel "us of CPU per {"MiB" if per_mib else "I/O"}"',
                   f'plot $data{number} using 1:2 with linespoints lw 2 title "client", '
                   f'$data{number} using 1:3 with linespoints lw 2 title "server"']
    gnuplot(path, 900, "\n".join([*script, "unset multiplot", ""]))


def draw(name, results, folder):
    """The plots of bench-NAME.json; their file names."""
    if name.startswith("growth"):
        lines(os.path.join(folder, f"{name}.svg"), results)
        return [f"{name}.svg"]
    for suffix, unit in (("iops", "IOPS"), ("bandwidth", "MiB/s")):
        bars(os.path.join(folder, f"{name}-{suffix}.svg"), results, unit)
    return [f"{name}-iops.svg", f"{name}-bandwidth.svg"]
