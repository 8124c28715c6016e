"""Rounds: every contestant in turn, several times, so that a noisy minute hits all alike."""

import statistics
import sys


class Series:
    """The figures of one contestant for one row, one a round."""

    def __init__(self):
        self.values = []

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
    """Series by (row, contestant, figure)."""

    def __init__(self):
        self.series = {}

    def add(self, row, who, figures):
        for figure, value in figures.items():
            self.series.setdefault((row, who, figure), Series()).add(value)

    def get(self, row, who, figure):
        return self.series.get((row, who, figure))

    def median(self, row, who, figure):
        series = self.get(row, who, figure)
        return series.median if series else None

    def best(self, row, whos, figure):
        """The highest median among several contestants."""
        return max((self.median(row, who, figure) or 0.0) for who in whos)


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
