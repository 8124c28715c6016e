"""What tests/bench/growth asks, and its tables."""

import collections

from .table import Table, cell

LIMIT = 1.5
POWERS = [1, 2, 4, 8, 16, 32, 64]
CPU = ["client_us", "server_us", "cpu_us"]
RATES = ["iops", "p50_us", *CPU]
COUNTS = ["messages_per_io", "doorbells_per_io", "client_syscalls", "server_syscalls"]

# figures: what the table shows. judged: the one that should be flat or falling.
Question = collections.namedtuple("Question", "title points figures judged")
QUESTIONS = {
    "rings": Question("Rings of depth 8 in one thread, one connection", POWERS, RATES, "cpu_us"),
    "connections": Question("Connections of one process, a ring of depth 8 on each", POWERS,
                            RATES, "cpu_us"),
    "clients": Question("Client processes, a ring of depth 8 in each", [1, 4, 16, 64], RATES,
                        "cpu_us"),
    "in flight": Question("I/Os in flight on one ring", [1, 4, 16, 64, 256, 1024, 4096],
                          RATES + COUNTS, "cpu_us"),
    "files": Question("Files read at random, 40 MiB together, depth 32",
                      [1, 10, 100, 1000, 10000], RATES, "cpu_us"),
    "iov MiB": Question("An iov: made, announced, read into, ended", [1, 16, 128, 512, 4096],
                        ["p50_us", "pages_us", *CPU, "cpu_us_per_mib"], "cpu_us_per_mib"),
}


class Point(collections.namedtuple("Point", "question x")):
    @property
    def name(self):
        return f"{self.question} {self.x}"


def points_in(results, question):
    """Those that were measured."""
    return [point for point in (Point(question, x) for x in QUESTIONS[question].points)
            if results.get(point.name, "ours", "p50_us")]


def set_ratios(results):
    """How much an I/O costs at the last point, compared with the first."""
    for question, about in QUESTIONS.items():
        first, *_, last = points_in(results, question)
        value = results.median(last.name, "ours", about.judged) / \
            results.median(first.name, "ours", about.judged)
        results.ratios.append({
            "text": f"{about.judged}, {question}: at {last.x} / at {first.x}",
            "value": value, "must": LIMIT, "met": value <= LIMIT})


def _ratios(results):
    return Table(f"Cost at the end of each scale; over {LIMIT} times GROWS",
                 ["", "times", ""],
                 [[one["text"], f"{one['value']:.2f}", "" if one["met"] else "GROWS"]
                  for one in results.ratios])


def _cell(series, figure):
    return cell(series, 3 if figure in COUNTS else 0 if series.median >= 1000 else 2)


def tables(results):
    made = []
    for question, about in QUESTIONS.items():
        made.append(Table(about.title, [question, *about.figures],
                          [[point.x] + [_cell(results.get(point.name, "ours", figure), figure)
                                        for figure in about.figures]
                           for point in points_in(results, question)]))
    return made + [_ratios(results)]
