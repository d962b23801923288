#!/usr/bin/env python3
"""Is anything damaged when a process dies? Random SIGKILLs while files are being written.

    python tests/robustness/kills.py --kills 200 [--operation NAME]... [--seed N]

A quarter each goes to `gpa-mlx convert`, `gpa-mlx model pull` from a server on the loopback, `gpa-mlx voices add`,
`rename` and `remove`, and a process that records a dictation. The moment is random over the time that the whole
operation takes, as measured on the way; a process that was done before its moment counts as missed, and is drawn
again. After each kill nothing may be damaged, and the same command must then do its work and leave nothing behind.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from gpa_mlx.history import History
from gpa_mlx.model.demo import demo_samples, demo_voices
from gpa_mlx.store.manifest import verify_files
from gpa_mlx.voices.library import VoiceLibrary

ROOT = Path(__file__).parents[2]
sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]  # for the server, when this runs as a script

from tests.support.hub_server import FakeHub  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHECKPOINT = ROOT / "tests" / "golden" / "small-a"
TIMEOUT_S = 120.0
HUB_BYTES_PER_S = 20_000_000
BLOCK = 1600

RECORD = f"""
import sys, time
from pathlib import Path
import numpy as np
from gpa_mlx.history import History
journal = History(Path(sys.argv[1])).begin("microphone")
for number in range(1, 61):
    journal.append(np.full({BLOCK}, number / 100, np.float32))
    print(number, flush=True)
    time.sleep(0.01)
journal.finish()
print("finished", flush=True)
journal.recognised("three off")
journal.release()
print("recognised", flush=True)
"""


@dataclass
class Tally:
    """What became of one kind of operation.

    Attributes:
        kind: Its name.
        kills: Processes that were killed at work.
        missed: Processes that had ended before.
        damage: One line for whatever was not as it should be.
        took_s: How long the uninterrupted runs took, by command.
    """

    kind: str
    kills: int = 0
    missed: int = 0
    damage: list[str] = field(default_factory=list)
    took_s: dict[tuple[str, ...], list[float]] = field(default_factory=dict)

    @property
    def median_s(self) -> float:
        """How long an uninterrupted run takes."""
        return median(took for each in self.took_s.values() for took in each)


class Operation(ABC):
    """Something that writes files, in a process of its own.

    Args:
        folder: Where; all of it belongs to this operation.
    """

    kind: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.environment = {**os.environ, "GPA_MLX_HOME": str(self.home), "OPENBLAS_NUM_THREADS": "1"}

    @abstractmethod
    def prepare(self, number: int) -> Sequence[str]:
        """Make everything ready for round `number`; return what follows `python`."""

    @abstractmethod
    def damage(self, output: str) -> str:
        """Say what is damaged after a kill; empty when nothing is."""

    @abstractmethod
    def is_done(self) -> bool:
        """Tell whether a killed process had done its work already: nothing is left for the same command."""

    @abstractmethod
    def unfinished(self) -> str:
        """Say what is not as it should be after a run to the end; empty when all is."""


class Convert(Operation):
    kind = "convert"

    def prepare(self, number: int) -> Sequence[str]:
        self.target = self.folder / "model"
        if number % 2 == 0:  # otherwise the model of the last round is replaced
            shutil.rmtree(self.target, ignore_errors=True)
        return ["-m", "gpa_mlx", "convert", str(CHECKPOINT), "-o", str(self.target), "--force"]

    def damage(self, output: str) -> str:
        return "; ".join(verify_files(self.target)) if self.target.exists() else ""

    def is_done(self) -> bool:
        return False

    def unfinished(self) -> str:
        left = sorted(path.name for path in self.folder.iterdir() if path not in (self.target, self.home))
        return self.damage("") if self.target.exists() and not left else f"no model, or left behind: {left}"


class Pull(Operation):
    kind = "model pull"

    def __init__(self, folder: Path, hub: FakeHub) -> None:
        super().__init__(folder)
        self.target = self.home / "models" / "gpa"
        self.environment |= {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_secret", "NO_PROXY": "127.0.0.1"}

    def prepare(self, number: int) -> Sequence[str]:
        shutil.rmtree(self.home, ignore_errors=True)
        return ["-m", "gpa_mlx", "model", "pull"]

    def damage(self, output: str) -> str:
        return "; ".join(verify_files(self.target)) if self.target.exists() else ""

    def is_done(self) -> bool:
        return False

    def unfinished(self) -> str:
        if not self.target.exists():
            return "no model"
        found = {path.relative_to(self.home).as_posix() for path in self.home.rglob("*")}
        left = {path for path in found if not path.startswith("models/gpa/")} - {
            *("models", "models/gpa", "models/.gpa.json", "models/.lock"),
            *("downloads", "downloads/.lock", "settings.toml", ".lock"),
        }
        return self.damage("") or (f"left behind: {sorted(left)}" if left else "")


class Voices(Operation):
    kind = "voices"

    def prepare(self, number: int) -> Sequence[str]:
        shutil.rmtree(self.home, ignore_errors=True)
        self.library = VoiceLibrary(self.home / "voices")
        for voice in demo_voices():
            self.library.add(voice)
        self.before = self._voices()
        first, second = list(self.before)[:2]
        words: Sequence[str]
        if number % 3 == 0:
            words = ["add", "new", str(demo_samples()[0].file), "--i-have-rights", "--no-probe", "--force"]
            words = [*words, "--model", "demo"]
            self.after = {*self.before, "new"}
        elif number % 3 == 1:
            words, self.after = ["rename", first, "new"], {*self.before, "new"} - {first}
        else:
            words, self.after = ["remove", second], {*self.before} - {second}
        return ["-m", "gpa_mlx", "voices", *words]

    def damage(self, output: str) -> str:
        problems = [f"{entry.name}: {entry.problem}" for entry in self.library.entries() if entry.problem]
        now = self._voices()
        both = {*self.before, *self.after}
        if not both >= now.keys() >= {*self.before} & {*self.after}:
            problems.append(f"the library holds {sorted(now)}")
        problems += [
            f"{name} is another voice" for name in now.keys() & self.before.keys() if now[name] != self.before[name]
        ]
        return "; ".join(problems)

    def is_done(self) -> bool:
        return self._voices().keys() == self.after

    def unfinished(self) -> str:
        files = {path.name for path in self.library.folder.iterdir()}
        left = files - {".lock", *(f"{name}.voice" for name in self.after)}
        problem = "" if self.is_done() and not left else f"the library holds {sorted(files)}"
        return problem or self.damage("")

    def _voices(self) -> dict[str, tuple[int, ...]]:
        return {entry.name: entry.voice.global_tokens for entry in self.library.entries() if entry.voice}


class Dictation(Operation):
    kind = "dictation"

    def prepare(self, number: int) -> Sequence[str]:
        shutil.rmtree(self.home, ignore_errors=True)
        self.history = History(self.home / "history")
        return ["-c", RECORD, str(self.history.folder)]

    def damage(self, output: str) -> str:
        """Everything that `append` returned for must be there, which is more than all but the last half second."""
        appended = max((int(line) for line in output.split() if line.isdecimal()), default=0)
        entries = self.history.entries()
        if not appended and not entries:
            return ""
        if len(entries) != 1:
            return f"{len(entries)} entries after {appended} blocks"
        (entry,) = entries
        states = {"recorded", "recognised"} if "finished" in output else {"recorded"}
        if "recognised" in output:
            states = {"recognised"}
        if (entry.state not in states and appended < 60) or entry.in_use:
            return f"the entry is {entry.state} after {appended} blocks"
        if (entry.state == "recognised") != (entry.text == "three off"):
            return f"the entry is {entry.state} with the text {entry.text!r}"
        samples, rate = soundfile.read(entry.audio, dtype="float32")
        if rate != 16_000 or len(samples) < appended * BLOCK or abs(entry.duration_s - len(samples) / rate) > 0.001:
            return f"{len(samples)} samples at {rate} Hz after {appended} blocks; the entry says {entry.duration_s} s"
        wanted = (np.arange(len(samples)) // BLOCK + 1) / 100
        return "" if np.abs(samples - wanted).max(initial=0) < 1e-3 else "the audio is not what was recorded"

    def is_done(self) -> bool:
        return False

    def unfinished(self) -> str:
        done = [entry for entry in self.history.entries() if entry.state == "recognised" and entry.duration_s == 6.0]
        return "" if done else "nothing was recognised"


KINDS = tuple(operation.kind for operation in (Convert, Pull, Voices, Dictation))


def kill_at_random(operation: Operation, kills: int, draw: random.Random) -> Tally:
    """Kill an operation `kills` times, each time followed by a check and a run to the end."""
    tally = Tally(operation.kind)
    number = 0
    while tally.kills < kills and tally.missed < 20 + 2 * kills:
        words = operation.prepare(number)
        if _command(words) not in tally.took_s:
            _complete(operation, words, tally)
            words = operation.prepare(number)
        number += 1
        process = _start(operation, words)
        time.sleep(draw.uniform(0, median(tally.took_s[_command(words)])))
        process.send_signal(signal.SIGKILL)
        output, errors = process.communicate()
        if process.returncode != -signal.SIGKILL:
            tally.missed += 1
            if process.returncode:
                tally.damage.append(f"{words[2:]} failed: {errors.strip()}")
            continue
        tally.kills += 1
        if problem := operation.damage(output):
            tally.damage.append(f"round {number}: {problem}")
        if not operation.is_done():
            _complete(operation, words, tally)
    return tally


def _command(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(words[2:4])


def _start(operation: Operation, words: Sequence[str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, *words],
        env=operation.environment,
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        text=True,
    )


def _complete(operation: Operation, words: Sequence[str], tally: Tally) -> None:
    started = time.monotonic()
    process = _start(operation, words)
    try:
        _, errors = process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
    tally.took_s.setdefault(_command(words), []).append(time.monotonic() - started)
    problem = errors.strip() if process.returncode else operation.unfinished()
    if problem:
        tally.damage.append(f"the next {' '.join(words[2:5])}: {problem}")


def run(
    kills: int, seed: int, say: Callable[[Tally], None] = lambda tally: None, kinds: Sequence[str] = KINDS
) -> list[Tally]:
    """Share the kills between the operations and return what became of each."""
    draw = random.Random(seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        hub = stack.enter_context(FakeHub.of_directory(CHECKPOINT, bytes_per_s=HUB_BYTES_PER_S).running())
        folders = [folder / str(number) for number in range(4)]
        for each in folders:
            each.mkdir()
        operations = [Convert(folders[0]), Pull(folders[1], hub), Voices(folders[2]), Dictation(folders[3])]
        operations = [operation for operation in operations if operation.kind in kinds]
        tallies = []
        for index, operation in enumerate(operations):
            share = kills // len(operations) + (index < kills % len(operations))
            tallies.append(kill_at_random(operation, share, draw))
            say(tallies[-1])
    return tallies


def main() -> int:
    """Print a table; 1 when anything was damaged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--operation", action="append", choices=KINDS, help="one of them only; may be repeated")
    parser.add_argument("--seed", type=int, default=20261121)
    arguments = parser.parse_args()
    print(f"{'operation':<12} {'kills':>6} {'missed':>7} {'median s':>9} {'damaged':>8}")

    def say(tally: Tally) -> None:
        took = f"{tally.median_s:9.2f}"
        print(f"{tally.kind:<12} {tally.kills:6d} {tally.missed:7d} {took} {len(tally.damage):8d}", flush=True)
        for problem in tally.damage:
            print(f"  {problem}", flush=True)

    tallies = run(arguments.kills, arguments.seed, say, arguments.operation or KINDS)
    print(f"{'all':<12} {sum(tally.kills for tally in tallies):6d}")
    return 1 if any(tally.damage for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
