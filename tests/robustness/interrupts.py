#!/usr/bin/env python3
"""Does every command end as it should when it is told to end? Signals at random moments.

    python tests/robustness/interrupts.py --runs 200 [--command NAME]... [--seed N]

SIGINT, SIGTERM and SIGHUP are sent at a moment that is random over the time the whole command takes, to a third of the
runs a second one shortly after. The exit code must be that of the signal (or 0, when the command was done before), and
neither a traceback, a temporary file nor a child process may be left.
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
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.model.demo import demo_samples

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TIMEOUT_S = 120.0
BEFORE_PYTHON_RUNS_IT_S = 0.25
"""Before that the interpreter starts and imports: a signal then kills it as it kills any program."""


@dataclass
class Tally:
    """What became of one command.

    Attributes:
        name: Its name.
        codes: How often it ended with which exit code.
        done: How often it had ended before the signal.
        problems: One line for whatever was not as it should be.
    """

    name: str
    codes: Counter[int] = field(default_factory=Counter)
    done: int = 0
    problems: list[str] = field(default_factory=list)


def prepare(folder: Path) -> dict[str, list[str]]:
    """Make the recordings in `folder`; return the commands that read them, by name."""
    sample = demo_samples()[0].file
    recordings = [folder / f"talk{number}.wav" for number in range(3)]
    for recording in recordings:
        shutil.copy(sample, recording)
    model = ["--model", "demo"]
    commands = {
        "transcribe": ["transcribe", *map(str, recordings), *model, "-o", str(folder / "texts"), "-f", "txt,srt"],
        "tokenize": ["tokenize", str(sample), *model],
        "speak": ["speak", "three off", "--voice", "slt", *model, "-o", str(folder / "said.wav")],
        "vc": ["vc", str(sample), "--voice", "slt", *model, "-o", str(folder / "other.wav")],
        "voices": ["voices", "add", "new", str(sample), "--i-have-rights", "--force", *model],
    }
    if shutil.which("ffmpeg"):
        movie = folder / "talk.mka"
        loop = ["ffmpeg", "-v", "error", "-stream_loop", "30", "-i", str(sample), "-c:a", "aac", str(movie)]
        subprocess.run(loop, check=True)
        commands["ffmpeg"] = ["transcribe", str(movie), *model, "-o", str(folder / "texts")]
    return commands


def run_one(name: str, arguments: list[str], number: int | None, moments_s: tuple[float, ...], folder: Path) -> str:
    """Run a command, send it a signal at each moment; return its exit code and what is wrong, separated by a colon."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(temporary), "GPA_MLX_HOME": str(folder / "home")}
    process = subprocess.Popen(
        [sys.executable, "-m", "gpa_mlx", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    started = time.monotonic()
    for moment_s in moments_s:
        try:
            process.wait(max(0.0, started + moment_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            assert number is not None
            process.send_signal(number)
    try:
        _, errors = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "0:does not end"
    wrong = [word for word in ("Traceback", "Fatal", "terminate", "unexpected", "ignored") if word in errors]
    problem = f"said {errors.strip()!r}" if wrong else ""
    # MLX keeps what it has compiled for the CPU in a folder of its own there.
    left = [path.name for path in temporary.iterdir() if path.name != "mlx"]
    left += [path.name for path in folder.rglob(".partial-*")]
    if left:
        problem += f" left {left}"
    if members := _session_members(process.pid):
        problem += f" still runs: {members}"
    for path in temporary.iterdir():
        if path.name != "mlx":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    code = process.returncode
    return f"{code}:{problem.strip()}"


def _session_members(leader: int) -> list[str]:
    """Return the processes of a session, where Linux lists them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(name.partition("(")[2])
    return found


def run(
    runs: int, seed: int, names: list[str] | None = None, say: Callable[[Tally], None] = lambda tally: None
) -> list[Tally]:
    """Share the runs between the commands and return what became of each."""
    draw = random.Random(seed)
    tallies = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        commands = {name: words for name, words in prepare(folder).items() if not names or name in names}
        for index, (name, arguments) in enumerate(commands.items()):
            tally = Tally(name)
            started = time.monotonic()
            whole = run_one(name, arguments, None, (), folder)
            took_s = time.monotonic() - started
            if whole != "0:":
                tally.problems.append(f"uninterrupted: {whole}")
            for _ in range(runs // len(commands) + (index < runs % len(commands))):
                number = draw.choice(SIGNALS)
                first_s = draw.uniform(BEFORE_PYTHON_RUNS_IT_S, max(took_s, BEFORE_PYTHON_RUNS_IT_S))
                second = (first_s + draw.uniform(0, 0.2),) if draw.random() < 1 / 3 else ()
                code, _, problem = run_one(name, arguments, number, (first_s, *second), folder).partition(":")
                tally.codes[int(code)] += 1
                tally.done += code == "0"
                if problem or int(code) not in (0, 128 + number):
                    moments = ", ".join(f"{moment:.3f}" for moment in (first_s, *second))
                    tally.problems.append(f"{signal.Signals(number).name} at {moments} s: code {code} {problem}")
            tallies.append(tally)
            say(tally)
    return tallies


def main() -> int:
    """Print a table; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--command", action="append", help="one of them only; may be repeated")
    parser.add_argument("--seed", type=int, default=20261130)
    arguments = parser.parse_args()
    # What this program ignores, as under nohup or in the background of a script, the commands would ignore, too.
    for number in SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)

    def say(tally: Tally) -> None:
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(tally.codes.items()))
        print(f"{tally.name:<12} {codes:<40} wrong: {len(tally.problems)}", flush=True)
        for problem in tally.problems:
            print(f"  {problem}", flush=True)

    tallies = run(arguments.runs, arguments.seed, arguments.command, say)
    return 1 if any(tally.problems for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
