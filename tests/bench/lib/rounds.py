"""Rounds: every contestant in turn, several times, so that a noisy minute hits all alike."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time


def where_and_when():
    """Date, commit, processor and kernel of this run. "unknown" where this machine does not say."""
    git = ["git", "-C", os.path.dirname(os.path.abspath(__file__)), "-c", "safe.directory=*",
           "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpus = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {"date": time.strftime("%Y-%m-%d", time.gmtime()), "commit": commit or "unknown",
            "cpu": f"{len(cpus)} x {cpus[0]}" if cpus else "unknown", "kernel": platform.release()}


class Series:
    """The figures of one contestant for one row, one a round."""

    def __init__(self, values=()):
        self.values = list(values)

    def add(self, value):
        self.values.append(value)

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def spread(self):
        """(highest - lowest) / median"""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0


class Results:
    """Series by (name of a row, contestant, figure)."""

    def __init__(self):
        self.series = {}
        self.ratios = []

    def add(self, row, who, figures):
        for figure, value in figures.items():
            self.series.setdefault((row.name, who, figure), Series()).add(value)

    def get(self, row, who, figure):
        return self.series.get((row, who, figure))

    def median(self, row, who, figure):
        series = self.get(row, who, figure)
        return series.median if series else None

    def ratios_of(self, row, figure, who, others):
        """Of one contestant to the best of some others, one a round; None if one was not measured.

        Those of a round were measured within a minute of each other: on a machine that is now
        fast and now slow, that says more than the ratio of two medians.
        """
        mine, theirs = self.get(row, who, figure), [self.get(row, one, figure) for one in others]
        if not mine or not all(theirs):
            return None
        return Series(value / max(best) for value, *best in
                      zip(mine.values, *(series.values for series in theirs)))

    def contestants(self):
        """In the order of their first figure, ours first."""
        names = dict.fromkeys(who for _, who, _ in self.series)
        return sorted(names, key=lambda who: not who.startswith("ours"))

    def save(self, options, name):
        """Everything measured, for scripts: bench-NAME.json."""
        path = os.path.join(options.out, f"bench-{name}.json")
        rows = [{"row": row, "who": who, "figure": figure, "median": series.median,
                 "values": series.values}
                for (row, who, figure), series in self.series.items()]
        with open(path, "w", encoding="utf-8") as out:
            json.dump({"bench": name, "settings": {"rounds": options.rounds,
                                                   "seconds": options.seconds,
                                                   **where_and_when()},
                       "ratios": self.ratios, "rows": rows}, out, indent=1)
        print(f"\nall figures: {path}")


def load(path):
    """What save() wrote: its settings, and the results."""
    with open(path, encoding="utf-8") as file:
        saved = json.load(file)
    results = Results()
    results.ratios = saved["ratios"]
    for row in saved["rows"]:
        results.series[row["row"], row["who"], row["figure"]] = Series(row["values"])
    return saved["settings"], results


def run(rows, contestants, rounds):
    """Call contestant(row) -> figures for each that takes the row. Returns Results.

    contestants: name -> function; a function returns None for a row that is not its own.
    The order is turned by one each round: nobody always comes after the same neighbour.
    """
    results = Results()
    names = list(contestants)
    for number in range(rounds):
        for row in rows:
            for name in names[number % len(names):] + names[:number % len(names)]:
                figures = contestants[name](row)
                if figures is not None:
                    results.add(row, name, figures)
        print(f"round {number + 1} of {rounds} done", file=sys.stderr, flush=True)
    return results
