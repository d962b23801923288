"""Training log: JSON lines, a readable line through logging, a plot of the losses."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from gpa_mlx.store.files import write_atomically
from gpa_mlx.train.plot import render_plot

logger = logging.getLogger(__name__)

LOG_NAME = "log.jsonl"
PLOT_NAME = "loss.svg"


class TrainingLog:
    """The log of one run.

    Args:
        directory: Where `log.jsonl` and `loss.svg` lie; created when missing.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / LOG_NAME
        self._plot_path = directory / PLOT_NAME

    def write(self, step: int, **metrics: float) -> None:
        """Append one line; values must be finite."""
        line = json.dumps({"step": step, **metrics}, allow_nan=False)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        logger.info("step %d  %s", step, "  ".join(f"{name} {value:.4g}" for name, value in metrics.items()))

    def entries(self) -> list[dict[str, Any]]:
        """Return all lines; a last line cut short by a kill is left out."""
        return _entries(self._path)

    def rewind(self, step: int) -> None:
        """Drop what was written after `step`: a resumed run writes it again."""
        kept = [json.dumps(entry) + "\n" for entry in self.entries() if entry["step"] <= step]
        write_atomically(self._path, "".join(kept))

    def plot(self) -> None:
        """Draw every metric whose name ends with `loss` over the steps."""
        series: dict[str, list[tuple[float, float]]] = {}
        for entry in self.entries():
            for name, value in entry.items():
                if name.endswith("loss"):
                    series.setdefault(name, []).append((entry["step"], value))
        write_atomically(self._plot_path, render_plot(series))


def read_last(directory: Path) -> dict[str, Any] | None:
    """Return the last whole line of the log in `directory`; None when there is none."""
    entries = _entries(directory / LOG_NAME)
    return entries[-1] if entries else None


def _entries(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]
