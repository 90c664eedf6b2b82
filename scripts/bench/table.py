"""Figures, what they ought to be, and how they are printed."""

import json
import statistics
import time

import machine

MORE, LESS = "more", "less"


class Figure:
    """One figure: its goal, floor, target, and the values of its rounds."""

    def __init__(self, goal, what, floor=None, target=None, better=MORE, unit=""):
        self.goal, self.what, self.unit, self.better = str(goal), what, unit, better
        self.floor, self.target = floor, target
        self.values, self.loads, self.note = [], [], ""

    def add(self, value):
        """The value of one more round."""
        self.values.append(value)
        self.loads.append(machine.load())
        return self

    def _reaches(self, bound):
        median = statistics.median(self.values)
        return median >= bound if self.better == MORE else median <= bound

    def verdict(self):
        """`target`, `floor` or `MISSED`; `-` where nothing is asked for or nothing was taken."""
        if not self.values:
            return "not taken"
        if self.floor is None and self.target is None:
            return "-"
        if self.target is not None and self._reaches(self.target):
            return "target" if self.floor is not None else "reached"
        if self.floor is not None and self._reaches(self.floor):
            return "floor"
        return "MISSED"

    def row(self):
        """The cells of the table."""
        sign = "≥ " if self.better == MORE else "≤ "
        bound = lambda it: "" if it is None else sign + number(it)
        if self.values:
            middle = number(statistics.median(self.values)) + (f" {self.unit}" if self.unit else "")
            spread = f"{number(min(self.values))}–{number(max(self.values))}"
            load = f"{statistics.mean(self.loads):.1f}"
        else:
            middle, spread, load = "", "", ""
        cells = [self.goal, self.what, bound(self.floor), bound(self.target), middle, spread]
        return [*cells, str(len(self.values)), load, self.verdict()]

    def record(self):
        """For the JSON file."""
        return {**self.__dict__, "verdict": self.verdict()}


HEAD = ["goal", "figure", "floor", "target", "median", "min–max", "n", "load", "verdict"]


def number(value):
    """Three digits that matter, without an exponent."""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def render(figures):
    """The figures as a table in Markdown, with aligned columns."""
    rows = [HEAD, *(it.row() for it in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("-" * it for it in widths) + " |")
    notes = [f"{it.goal}: {it.note}" for it in figures if it.note]
    return "\n".join([*lines, "", *notes])


def write(figures, path, revision):
    """Everything into a file, for later comparison."""
    path.write_text(
        json.dumps(
            {
                "machine": machine.description(),
                "revision": revision,
                "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "figures": [it.record() for it in figures],
            },
            indent=1,
        )
    )
