#!/usr/bin/env python3
"""Does the memory of one process stay where it is? Many tasks in turn with the demo model.

    python tests/robustness/soak.py --tasks 1000

Transcribes, speaks, converts and makes voices, closes streams after their first item, and hands in files that cannot be
used. Memory counts from the 100th task on, when every code path has run several times; more than 5 % on top of it is
exit status 1.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gpa_mlx
from gpa_mlx.errors import GPAError
from gpa_mlx.model.demo import demo_model, demo_samples, demo_voices

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from gpa_mlx.engine.gpa import GPA

WARM_UP = 100
"""Tasks that are not counted."""

MAX_GROWTH = 0.05
"""Of the resident memory after the warm-up."""


@dataclass
class Soak:
    """What was measured.

    Attributes:
        warm_mb: Resident memory after the warm-up, in MB.
        rss_mb: The same now.
        warm_files: Open files after the warm-up.
        files: The same now.
        duration_s: How long all tasks took.
        counts: How many of each kind there were.
    """

    warm_mb: float = 0.0
    rss_mb: float = 0.0
    warm_files: int = 0
    files: int = 0
    duration_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def growth(self) -> float:
        """Share of the memory after the warm-up that came on top of it."""
        return self.rss_mb / self.warm_mb - 1

    @property
    def is_steady(self) -> bool:
        """Whether neither memory nor open files grew."""
        return self.growth < MAX_GROWTH and self.files <= self.warm_files


def resident_mb() -> float:
    """Return the resident memory of this process in MB, on Linux and macOS."""
    gc.collect()
    statm = Path("/proc/self/statm")
    if statm.exists():  # a small Linux has no `ps`
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    answer = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True, check=True)
    return int(answer.stdout) * 1024 / 1e6


def open_files() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


def tasks(gpa: GPA, folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield tasks of all kinds in turn, for ever; recordings, texts and voices change."""
    bad_files = itertools.cycle(_bad_files(folder))
    samples, voices = itertools.cycle(demo_samples()), itertools.cycle(demo_voices())
    for sample, voice in zip(samples, voices, strict=False):
        yield "transcribe", partial(gpa.transcribe, sample.file)
        yield "speak", partial(gpa.speak, sample.text, voice=voice)
        yield "vc", partial(gpa.convert_voice, sample.file, voice=voice)
        yield "make voice", partial(gpa.make_voice, sample.file, name="soak")
        yield "speak, closed", partial(_first, partial(gpa.stream_speak, sample.text, voice=voice, lookahead=0))
        yield "transcribe, closed", partial(_first, partial(gpa.stream_transcribe, sample.file))
        yield "bad file", partial(_refused, gpa, next(bad_files))


def soak(count: int, warm_up: int = WARM_UP, say: Callable[[str], None] = lambda line: None) -> Soak:
    """Do `count` tasks and measure; every `warm_up` tasks a line is said."""
    result = Soak()
    with tempfile.TemporaryDirectory() as folder, gpa_mlx.load(demo_model()) as gpa:
        started = time.monotonic()
        for number, (kind, task) in enumerate(itertools.islice(tasks(gpa, Path(folder)), count), start=1):
            task()
            result.counts[kind] += 1
            if number % warm_up and number != count:
                continue
            result.rss_mb, result.files = resident_mb(), open_files()
            if number == warm_up:
                result.warm_mb, result.warm_files = result.rss_mb, result.files
            result.duration_s = time.monotonic() - started
            say(f"{number:6d} tasks {result.rss_mb:8.1f} MB  {result.files:3d} files  {result.duration_s:7.1f} s")
    return result


def _first(stream: Callable[[], Generator[object, None, None]]) -> None:
    with closing(stream()) as items:
        next(items)


def _refused(gpa: GPA, path: str | os.PathLike[str]) -> None:
    try:
        gpa.transcribe(path)
    except GPAError:
        return
    raise AssertionError(f"{path} was taken for a recording")


def _bad_files(folder: Path) -> list[Path]:
    wave = demo_samples()[0].file.read_bytes()
    contents = {"empty.wav": b"", "text.wav": b"no sound" * 100, "cut.wav": wave[:40], "short.wav": wave[:46]}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / "missing.wav", folder, *(folder / name for name in contents)]


def main() -> int:
    """Print the figures; 1 when something grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1000, help="how many, at least 200")
    count = max(parser.parse_args().tasks, 2 * WARM_UP)
    result = soak(count, say=lambda line: print(line, flush=True))
    print(", ".join(f"{number} {kind}" for kind, number in result.counts.items()))
    print(
        f"{result.warm_mb:.1f} MB after {WARM_UP} tasks, {result.rss_mb:.1f} MB after {count}: {result.growth:+.2%}; "
        f"open files {result.warm_files}, then {result.files}; {count / result.duration_s:.2f} tasks/s"
    )
    return 0 if result.is_steady else 1


if __name__ == "__main__":
    sys.exit(main())
