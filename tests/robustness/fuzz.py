#!/usr/bin/env python3
"""Nearly right inputs for everything that reads or writes a format: what is not success or a `GPAError` is a bug.

    python tests/robustness/fuzz.py --inputs 1000000 [--target NAME]... [--seed N] [--out DIR] [--seconds S]

Every target works in a process of its own, with at most 8 GB of memory on Linux. A bug is another exception, more than
two seconds of processor time, a broken promise (characters lost, times out of order), or a process that dies. For each
the input is saved as DIR/TARGET-SEED-NUMBER; the same seed and number make the same input everywhere.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[2]
sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]  # when this runs as a script

from tests.robustness.file_targets import FILE_TARGETS  # noqa: E402
from tests.robustness.target import failure  # noqa: E402
from tests.robustness.text_targets import TEXT_TARGETS  # noqa: E402

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

    from tests.robustness.target import Target

TARGETS: dict[str, Target] = {target.name: target for target in (*FILE_TARGETS, *TEXT_TARGETS)}

_MEMORY_BYTES = 8 * 10**9
_SILENT_S = 30.0
"""Of wall-clock time for one input; then the process is killed."""

_SHOWN_PER_BUG = 2


@dataclass
class Outcome:
    """What became of one target.

    Attributes:
        target: Its name.
        inputs: How many were tried.
        took_s: Wall-clock seconds.
        bugs: How many inputs found each bug.
        reports: What the first of them showed.
    """

    target: str
    inputs: int = 0
    took_s: float = 0.0
    bugs: Counter[str] = field(default_factory=Counter)
    reports: list[str] = field(default_factory=list)

    def note(self, seed: int, number: int, problem: str, out: Path) -> None:
        """Count a bug and save what found it."""
        bug = problem.partition("\n")[0]
        self.bugs[bug] += 1
        if self.bugs[bug] <= _SHOWN_PER_BUG:
            out.mkdir(parents=True, exist_ok=True)
            file = out / f"{self.target}-{seed}-{number}"
            file.write_bytes(TARGETS[self.target].input(seed, number))
            self.reports.append(f"{file}: {problem}")


def fuzz(target: Target, numbers: range, seed: int, out: Path) -> Outcome:
    """Try inputs in this process."""
    outcome = Outcome(target.name)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = target.open(Path(folder))
        for number in numbers:
            if problem := failure(run, target.input(seed, number)):
                outcome.note(seed, number, problem, out)
            outcome.inputs += 1
    outcome.took_s = time.monotonic() - started
    return outcome


def fuzz_apart(target: Target, inputs: int, seed: int, out: Path, seconds: float) -> Outcome:
    """Try inputs in processes of their own, a new one after each that died, for at most `seconds`."""
    context = multiprocessing.get_context("spawn")
    outcome = Outcome(target.name)
    place = context.Value("q", 0, lock=False)
    found: SimpleQueue[tuple[int, str]] = context.SimpleQueue()
    started = time.monotonic()
    while place.value < inputs and time.monotonic() - started < seconds:
        arguments = (target.name, range(place.value, inputs), seed, place, found, started + seconds - time.monotonic())
        process = context.Process(target=_work, args=arguments)
        process.start()
        seen, seen_at = -1, time.monotonic()
        while process.is_alive():
            process.join(0.2)
            while not found.empty():
                number, problem = found.get()
                outcome.note(seed, number, problem, out)
            if place.value != seen:
                seen, seen_at = place.value, time.monotonic()
            elif time.monotonic() - seen_at > _SILENT_S:
                process.kill()
                process.join()
        while not found.empty():
            number, problem = found.get()
            outcome.note(seed, number, problem, out)
        if process.exitcode:
            outcome.note(seed, place.value, f"the process ended with {process.exitcode}", out)
            place.value += 1
    outcome.inputs = place.value
    outcome.took_s = time.monotonic() - started
    return outcome


def _work(
    name: str, numbers: range, seed: int, place: object, found: SimpleQueue[tuple[int, str]], seconds: float
) -> None:
    logging.disable()
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stderr.fileno())  # libsndfile's MP3 decoder writes there
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    target = TARGETS[name]
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        run = target.open(Path(folder))
        for number in numbers:
            place.value = number  # type: ignore[attr-defined]
            if problem := failure(run, target.input(seed, number)):
                found.put((number, problem))
            if time.monotonic() > end:
                break
        place.value += 1  # type: ignore[attr-defined]


def main() -> int:
    """Print inputs per second and what was found; 1 when there is a bug."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--inputs", type=int, default=1_000_000, help="for all targets together; the quicker ones get more"
    )
    parser.add_argument("--target", action="append", choices=sorted(TARGETS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3600.0, help="at most, for each target")
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"))
    arguments = parser.parse_args()
    outcomes = []
    print(f"{'target':<18} {'inputs':>9} {'per s':>8} {'bugs':>5}")
    targets = [TARGETS[name] for name in arguments.target or TARGETS]
    weights = sum(target.weight for target in targets)
    for target in targets:
        inputs = math.ceil(arguments.inputs * target.weight / weights)
        outcome = fuzz_apart(target, inputs, arguments.seed, arguments.out, arguments.seconds)
        outcomes.append(outcome)
        print(
            f"{target.name:<18} {outcome.inputs:9d} {outcome.inputs / outcome.took_s:8.0f} {len(outcome.bugs):5d}",
            flush=True,
        )
        for bug, count in outcome.bugs.most_common():
            print(f"  {count} x {bug}", flush=True)
        for report in outcome.reports:
            print(report, file=sys.stderr, flush=True)
    inputs, took_s = sum(outcome.inputs for outcome in outcomes), sum(outcome.took_s for outcome in outcomes)
    print(f"{'all':<18} {inputs:9d} {inputs / took_s:8.0f} {sum(len(outcome.bugs) for outcome in outcomes):5d}")
    return 1 if any(outcome.bugs for outcome in outcomes) else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
