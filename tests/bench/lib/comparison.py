"""The tables of tests/bench/tcp and tests/bench/rdma: contestants side by side."""

from . import load
from .table import Table, cell

PER_IO = ["messages_per_io", "doorbells_per_io", "sleeps_per_io"]
AT_MOST = "at most"


def figure_of(row):
    """What a row is about, and its unit."""
    return ("mib_s", "MiB/s") if row.block >= load.MIB else ("iops", "IOPS")


def _rates(results, names):
    lines = []
    for row in load.ROWS:
        figure, unit = figure_of(row)
        lines.append([f"{row.name}, {unit}"] +
                     [cell(results.get(row.name, name, figure)) for name in names])
    return Table("Medians, ± half of the spread", ["", *names], lines)


def _latencies(results, names):
    return Table("Latency, p50 in us", ["", *names],
                 [[row.name] + [cell(results.get(row.name, name, "p50_us"), 1) for name in names]
                  for row in load.ROWS if row.depth == 1])


def _cpu(results, names):
    lines = []
    for text, row, unit in (("s per GiB, 1M reads", "1M read QD16", "gib"),
                            ("s per GiB, 1M writes", "1M write QD16", "gib"),
                            ("s per million 4K reads QD32", "4K read QD32", "mio")):
        for side in ("client", "server"):
            lines.append([f"{side}, {text}"] +
                         [cell(results.get(row, name, f"{side}_s_per_{unit}"), 2)
                          for name in names])
    return Table("CPU seconds", ["", *names], lines)


def _per_io(results):
    return Table("Ours, per I/O at the client", ["", "messages", "doorbells", "sleeps"],
                 [[row.name] + [cell(results.get(row.name, "ours", figure), 2)
                                for figure in PER_IO] for row in load.ROWS])


def set_ratios(results, targets):
    """targets: (text, arguments of Results.ratios_of, must, aim), and AT_MOST where less is better."""
    for text, key, must, aim, *at_most in targets:
        series = results.ratios_of(*key)
        value = series and series.median
        met = value is not None and (value <= must if at_most else value >= must)
        results.ratios.append({"text": text + (", at most" if at_most else ""), "value": value,
                               "values": series and series.values,
                               "must": must, "aim": aim, "met": met})


def _ratios(results):
    def measured(one):
        values = one["values"]
        return [f"{value:.2f}" for value in (one["value"], min(values), max(values))] \
            if values else ["-"] * 3

    return Table("Targets: medians of the rounds' ratios",
                 ["ratio", "measured", "lowest", "highest", "must", "aim", ""],
                 [[one["text"], *measured(one), one["must"], one["aim"],
                   "met" if one["met"] else "MISSED"] for one in results.ratios])


def tables(results):
    names = results.contestants()
    timed = [name for name in names if any(results.get(row.name, name, "server_s_per_mio")
                                           for row in load.ROWS)]
    return [_rates(results, names), _ratios(results), _latencies(results, names),
            _cpu(results, timed), _per_io(results)]
