"""The demo model in several precisions: whether its results are the committed ones, what it holds, how fast it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gpa_mlx.doctor.first_run.processes import last_words
from gpa_mlx.doctor.first_run.step import StepSkippedError
from gpa_mlx.errors import GPAError
from gpa_mlx.model.demo import demo_model
from gpa_mlx.text.quantities import readable_size

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gpa_mlx.doctor.first_run.step import Notes, Surroundings

COPIES: Mapping[str, tuple[str, int | None]] = {
    "float32": ("float32", None),
    "bfloat16": ("bfloat16", None),
    "8-bit": ("bfloat16", 8),
    "4-bit": ("bfloat16", 4),
}
"""Precision and bits of the language model, by name."""

EXACT = "float32"
_COMPARED = ("float32", "bfloat16")
_SHIPPED = "shipped"
_DEADLINE_S = 300.0
_CODES = ("glm", "semantic", "global")
_MUST_BE_SAME = {**{kind: f"{kind} codes" for kind in _CODES}, "speech": "spoken codes", "texts": "texts"}
_RUNS: tuple[tuple[str, bool | None, str], ...] = (
    ("MLX_ENABLE_TF32=0", False, "default"),
    ("by default", None, "default"),
    ("MLX_ENABLE_TF32=0 on the CPU", False, "cpu"),
)
"""Title, whether TF32 is allowed (None leaves it to MLX), and the device."""

_LENGTHS_S = tuple(0.5 + 0.45 * index for index in range(12))
_ROUNDS = 2
_GROWTH_BYTES = 8_000_000
_OVER_THE_LIMIT = 1.1

_BENCH_OPTIONS = ("--seconds", "3", "--trials", "2")


def store_copies(surroundings: Surroundings, notes: Notes) -> None:
    """Store the demo model in every precision of `COPIES`."""
    folder = _folder(surroundings)
    folder.mkdir(exist_ok=True)
    notes.facts["bytes"] = surroundings.processes.measure(
        "copies", deadline_s=_DEADLINE_S, folder=str(folder), copies=COPIES
    )
    notes.summary = ", ".join(f"{name} {readable_size(size)}" for name, size in notes.facts["bytes"].items())


def compare_with_release(surroundings: Surroundings, notes: Notes) -> None:
    """Compare codes, texts, logits and sound with the committed ones, as MLX computes by default and without TF32.

    Only the language model in float32 without TF32 has to give the same codes and texts; what else differs is a number
    in the report. Beside a GPU the processor computes too: it tells a difference of the GPU from one of the library.
    """
    models = {name: str(_copy(surroundings, name)) for name in _COMPARED} | {_SHIPPED: str(demo_model())}
    runs = notes.facts["runs"] = {}
    for title, tf32, device in _RUNS:
        if device == "cpu" and runs and all(run["device"] == "cpu" for run in runs.values()):
            break  # it was the processor all the time
        surroundings.show(f"comparing results: {title}")
        try:
            run = surroundings.processes.measure(
                "parity", deadline_s=_DEADLINE_S, tf32=tf32, models=models, device=device
            )
        except GPAError as error:
            notes.problems.append(f"{title}: {error.message}")
            continue
        runs[title] = run
        if tf32 is False:
            notes.problems += [f"{title}: {problem}" for problem in _differences(run)]
        notes.summary = "; ".join(f"{title}: {_described(run)}" for title, run in runs.items())
    if any(not run["same_weights"] for run in runs.values()):
        notes.problems.append("The committed results are those of another demo model.")


def _differences(run: Mapping[str, Any]) -> list[str]:
    """Return what should be the same and is not, a sentence each."""
    found = run["models"][EXACT]
    return [
        f"in {EXACT} {found[kind]['different']} of {found[kind]['of']} {what} differ."
        for kind, what in _MUST_BE_SAME.items()
        if found[kind]["different"]
    ]


def _described(run: Mapping[str, Any]) -> str:
    """Return the differences of each model in a few words."""
    return ", ".join(f"{name} {_difference(found)}" for name, found in run["models"].items())


def _difference(found: Mapping[str, Any]) -> str:
    counted = {"codes": _CODES, "spoken codes": ("speech",), "texts": ("texts",)}
    different = [
        f"{count} of {sum(found[kind]['of'] for kind in kinds)} {what} differ"
        for what, kinds in counted.items()
        if (count := sum(found[kind]["different"] for kind in kinds))
    ]
    logits = found["logits"]
    return (
        f"{' and '.join(different) or 'the same'} (logits to {logits if isinstance(logits, str) else f'{logits:.1g}'})"
    )


def watch_memory(surroundings: Surroundings, notes: Notes) -> None:
    """Go through recordings of many lengths twice: nothing may grow the second time, nor beyond the limit."""
    model = _copy(surroundings, EXACT)
    found = surroundings.processes.measure(
        "memory", deadline_s=_DEADLINE_S, model=str(model), lengths_s=_LENGTHS_S, rounds=_ROUNDS
    )
    notes.facts |= found
    notes.problems += memory_problems(found)
    last = found["rows"][-1]
    notes.summary = (
        f"after {len(found['rows'])} recordings {readable_size(last['active_bytes'])} active, "
        f"{readable_size(last['cached_bytes'])} cached; "
        f"most {readable_size(max(row['peak_bytes'] for row in found['rows']))} active, "
        f"{readable_size(found['process_bytes'])} in the process"
    )


def memory_problems(found: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a measurement of memory, a sentence each."""
    rows, limit = found["rows"], found["cache_limit_bytes"]
    problems = []
    first, last = (
        next(row for row in reversed(rows) if row["round"] == count)["active_bytes"] for count in (1, _ROUNDS)
    )
    if last > first + _GROWTH_BYTES:
        problems.append(
            f"What arrays hold grew from {readable_size(first)} to {readable_size(last)} when the same was done again."
        )
    cached = max(row["cached_bytes"] for row in rows)
    if cached > limit * _OVER_THE_LIMIT:
        problems.append(f"MLX kept {readable_size(cached)} of freed memory, more than the {readable_size(limit)} set.")
    return problems


def measure_speed(surroundings: Surroundings, notes: Notes) -> None:
    """Run `gpa-mlx bench` on every precision."""
    reports = notes.facts["bench"] = {}
    for name in COPIES:
        model = _copy(surroundings, name)
        surroundings.show(f"measuring speed: {name}")
        arguments = ("bench", "--model", str(model), *_BENCH_OPTIONS, "--json")
        ended = surroundings.processes.program(*arguments, deadline_s=_DEADLINE_S)
        if ended.code != 0:
            notes.problems.append(f"`gpa-mlx bench` in {name} {ended.fate}{last_words(ended)}.")
            continue
        reports[name] = json.loads(ended.out)
        notes.summary = "; ".join(f"{name} {_speeds(report)}" for name, report in reports.items())


def _speeds(report: Mapping[str, Any]) -> str:
    return ", ".join(f"{task['task']} RTF {task['real_time_factor']['median']:.2f}" for task in report["tasks"])


def _folder(surroundings: Surroundings) -> Path:
    return surroundings.folder / "models"


def _copy(surroundings: Surroundings, name: str) -> Path:
    model = _folder(surroundings) / name
    if not model.is_dir():
        raise StepSkippedError("the demo model was not stored in other precisions")
    return model
