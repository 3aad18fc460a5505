"""One row of the table, and how a figure is taken."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    value: float
    unit: str
    baseline: str = ""
    baseline_value: float | None = None
    note: str = ""
    """How often it was measured, its spread, and its goal where it has one."""

    def line(self) -> str:
        """Write `what: value unit`, the ratio to the baseline where there is one, and the note."""
        text = f"{self.what}: {_shown(self.value)} {self.unit}"
        if self.baseline_value:
            ratio = _shown(self.value / self.baseline_value)
            text += f"  =  {ratio} x {self.baseline} ({_shown(self.baseline_value)} {self.unit})"
        return f"{text}  [{self.note}]" if self.note else text

    def cells(self) -> str:
        """Write the same as a line of a Markdown table."""
        ratio = against = ""
        if self.baseline_value:
            ratio = f"{_shown(self.value / self.baseline_value)} x"
            against = f"{self.baseline}: {_shown(self.baseline_value)} {self.unit}"
        return f"| {self.what} | {_shown(self.value)} {self.unit} | {ratio} | {against} | {self.note} |"


def best_of(times: int, work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the shortest of several runs, in seconds."""
    return min(taken(times, work, clock))


def taken(times: int, work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Return the seconds of each run, shortest first."""
    found = []
    for _ in range(times):
        began = clock()
        work()
        found.append(clock() - began)
    return sorted(found)


def spread(found: Sequence[float], unit: str) -> str:
    """Write from where to where the samples go."""
    return f"{len(found)} runs, {_shown(min(found))} to {_shown(max(found))} {unit}"


def percentile(found: Sequence[float], percent: int) -> float:
    return statistics.quantiles(found, n=100, method="inclusive")[percent - 1]


def _shown(value: float) -> str:
    """Three digits that count, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
