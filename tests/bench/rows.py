"""One row of the table, and how a figure is taken."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    value: float
    unit: str
    baseline: str = ""
    baseline_value: float | None = None

    def line(self) -> str:
        """Write `what: value unit`, and the ratio to the baseline where there is one."""
        text = f"{self.what}: {self.value:,.3f} {self.unit}"
        if self.baseline_value:
            ratio = self.value / self.baseline_value
            text += f"  =  {ratio:.2f} x {self.baseline} ({self.baseline_value:,.3f} {self.unit})"
        return text


def best_of(times: int, work: Callable[[], object]) -> float:
    """Return the shortest of several runs, in seconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)
