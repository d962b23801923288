"""Interleaved trials and their summary, shared by the benchmark's sections."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OURS, TORCH, MLX_LM = "gpa-mlx", "torch", "mlx-lm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One figure for several contenders, measured in turns.

    Attributes:
        what: What is measured, with its sizes.
        unit: Unit of all values.
        better: Whether lower or higher values are better.
        values: Trials per contender; `gpa-mlx` first.
        notes: What exactly a contender does, where it is not obvious.
        bar: How many times as fast as each other contender gpa-mlx shall be; None where nothing is asked.
    """

    what: str
    unit: str
    better: Literal["lower", "higher"]
    values: dict[str, list[float]]
    notes: dict[str, str] = field(default_factory=dict)
    bar: dict[str, float] = field(default_factory=dict)

    def median(self, who: str) -> float:
        return statistics.median(self.values[who])

    def advantage(self, who: str) -> float:
        """How many times as fast gpa-mlx is as `who`."""
        ours, theirs = self.median(OURS), self.median(who)
        return theirs / ours if self.better == "lower" else ours / theirs

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "unit": self.unit,
            "better": self.better,
            "contenders": {
                who: {
                    "median": self.median(who),
                    "min": min(trials),
                    "max": max(trials),
                    "trials": trials,
                    "gpa_mlx_times_as_fast": None if OURS not in self.values else self.advantage(who),
                    "bar": self.bar.get(who),
                    "note": self.notes.get(who, ""),
                }
                for who, trials in self.values.items()
            },
        }


def interleave(contenders: Mapping[str, Callable[[], float]], trials: int) -> dict[str, list[float]]:
    """Run A B A B ...: load from elsewhere on the machine then hits all contenders alike.

    Args:
        contenders: Each runs once and returns its figure.
        trials: Counted rounds; one round before them is a warm-up.

    Returns:
        The figures of the counted rounds per contender.
    """
    values: dict[str, list[float]] = {who: [] for who in contenders}
    for round_number in range(trials + 1):
        for who, run in contenders.items():
            value = run()
            if round_number > 0:
                values[who].append(value)
    return values
