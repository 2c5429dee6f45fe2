"""From timings to ratios, and from ratios to "met" or "missed"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.measure import Timing, Turn

Value = Callable[[Turn], float]


def rate(name: str) -> Value:
    """Images per second of a program."""
    return lambda turn: turn[name].images / turn[name].wall


def cpu_rate(name: str) -> Value:
    """Images per second of processor time of a program."""
    return lambda turn: turn[name].images / turn[name].cpu


def seconds(name: str) -> Value:
    """Seconds per image of a program, or seconds where it is run once."""
    return lambda turn: turn[name].wall / turn[name].images


def steady_rate(name: str, small: str) -> Value:
    """Images per second once all is running: the start is taken off by a smaller run."""

    def value(turn: Turn) -> float:
        images = turn[name].images - turn[small].images
        return images / (turn[name].wall - turn[small].wall)

    return value


def divided(value: Value, by: float) -> Value:
    """A value as a part of itself: a rate per process."""
    return lambda turn: value(turn) / by


@dataclass(frozen=True)
class Comparison:
    """How ``over`` compares with ``under``, and what is wanted of the ratio.

    ``cpu`` says whether the same ratio by processor time means anything: it does not where
    processes are counted, or where a program waits.
    """

    name: str
    over: Value
    under: Value
    target: float | None = None
    at_least: bool = True
    cpu: bool = True

    def result(self, turns: Sequence[Turn]) -> dict[str, Any]:
        """The ratio of medians, the median and range of the paired ratios, and whether it is met.

        Met is what is met by both: the ratio of medians and the median of paired ratios.
        """
        paired = [self.over(turn) / self.under(turn) for turn in turns]
        ratios = _of_medians(self, turns), median(paired)
        row: dict[str, Any] = {
            "name": self.name,
            "ratio_of_medians": ratios[0],
            "median_of_ratios": ratios[1],
            "least": min(paired),
            "greatest": max(paired),
            "by_cpu_time": _of_medians(self, [_by_cpu(t) for t in turns]) if self.cpu else None,
            "target": self.target,
            "at_least": self.at_least,
            "met": None,
        }
        if self.target is not None:
            target = self.target
            row["met"] = all(r >= target if self.at_least else r <= target for r in ratios)
        return row


def _of_medians(comparison: Comparison, turns: Sequence[Turn]) -> float:
    over = median(comparison.over(turn) for turn in turns)
    return over / median(comparison.under(turn) for turn in turns)


def _by_cpu(turn: Turn) -> Turn:
    return {name: Timing(t.cpu, t.cpu, t.images) for name, t in turn.items()}


def rates(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """For each program: images per second (median and range) and times, of every repetition."""
    rows = []
    for name in turns[0]:
        per_second = [turn[name].images / turn[name].wall for turn in turns]
        rows.append(
            {
                "name": name,
                "images": turns[0][name].images,
                "per_second": median(per_second),
                "least": min(per_second),
                "greatest": max(per_second),
                "wall_s": [turn[name].wall for turn in turns],
                "cpu_s": [turn[name].cpu for turn in turns],
            }
        )
    return rows
