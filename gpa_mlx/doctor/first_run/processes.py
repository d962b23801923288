"""The program as processes of its own, each with a deadline."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from gpa_mlx.doctor.first_run.terminal_process import ScreenRun, run_on_screen
from gpa_mlx.errors import GPAError
from gpa_mlx.store.paths import HOME_VARIABLE
from gpa_mlx.text.printable import to_json

TF32_VARIABLE = "MLX_ENABLE_TF32"
WORKER = "gpa_mlx.doctor.first_run.worker"

_OWN_VARIABLES = "GPA_MLX_"
_LAST_WORDS_S = 5.0
_MAX_OUTPUT_CHARS = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process that has ended.

    Attributes:
        code: Its exit code; negative for a signal, None when its time was over.
        out: Standard output.
        err: Standard error; of a crash or of a process whose time was over it ends with Python's stacks.
        seconds: How long it ran.
    """

    code: int | None
    out: str
    err: str
    seconds: float

    @property
    def fate(self) -> str:
        """How it ended, in words."""
        if self.code is None:
            return f"did not end within {self.seconds:.0f} s"
        if self.code >= 0:
            return f"ended with exit code {self.code}"
        try:
            return f"was ended by {signal.Signals(-self.code).name}"
        except ValueError:
            return f"was ended by signal {-self.code}"


class Processes:
    """Runs the program in a folder, with settings, models and voices of its own.

    Args:
        folder: Where it runs; the program's files go into `home` below.
        environ: The environment; the program's own variables are left out of it.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        kept = {name: value for name, value in environ.items() if not name.startswith(_OWN_VARIABLES)}
        self._environ = {**kept, HOME_VARIABLE: str(folder / "home"), "PYTHONFAULTHANDLER": "1", "NO_COLOR": "1"}

    def program(self, *arguments: str, deadline_s: float) -> Ended:
        """Run `gpa-mlx ARGUMENTS...`."""
        return run_process(
            [sys.executable, "-m", "gpa_mlx", *arguments],
            folder=self._folder,
            environ=self._environ,
            deadline_s=deadline_s,
        )

    def on_screen(
        self, *arguments: str, words: str, key: bytes, draw_deadline_s: float, leave_deadline_s: float
    ) -> ScreenRun:
        """Run `gpa-mlx ARGUMENTS...` in a terminal of its own; the other arguments are those of `run_on_screen`."""
        return run_on_screen(
            [sys.executable, "-m", "gpa_mlx", *arguments],
            folder=self._folder,
            environ=self._environ,
            words=words,
            key=key,
            draw_deadline_s=draw_deadline_s,
            leave_deadline_s=leave_deadline_s,
        )

    def measure(self, name: str, *, deadline_s: float, tf32: bool | None = None, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        """Run a measurement of `gpa_mlx.doctor.first_run.worker` and return what it found.

        Args:
            name: Of the measurement.
            deadline_s: When it is given up.
            tf32: Whether MLX may multiply float32 matrices at the precision of TF32, as it does on an M5; None leaves
                it as MLX has it.
            arguments: Of the measurement; JSON.

        Raises:
            GPAError: It crashed, failed or did not end; the message has its last words.
        """
        # Before MLX is imported: it looks once.
        environ = {key: value for key, value in self._environ.items() if key != TF32_VARIABLE}
        if tf32 is not None:
            environ[TF32_VARIABLE] = str(int(tf32))
        ended = run_process(
            [sys.executable, "-m", WORKER, name, to_json(arguments)],
            folder=self._folder,
            environ=environ,
            deadline_s=deadline_s,
        )
        return measured(name, ended)


def measured(name: str, ended: Ended) -> dict[str, Any]:
    """Return what a measurement wrote.

    Raises:
        GPAError: It wrote none.
    """
    if ended.code == 0:
        try:
            found = json.loads(ended.out.splitlines()[-1])
        except (ValueError, IndexError):
            found = None
        if isinstance(found, dict):
            return found
    raise GPAError(f"The measurement of {name} {ended.fate}{last_words(ended)}.")


def last_words(ended: Ended, lines: int = 1) -> str:
    """Return the end of what a process said on standard error, in brackets, or nothing."""
    said = [line.strip() for line in ended.err.splitlines() if line.strip()]
    return f" ({' / '.join(said[-lines:])})" if said else ""


def run_process(command: Sequence[str], *, folder: Path, environ: Mapping[str, str], deadline_s: float) -> Ended:
    """Run a process to its end or its deadline; whatever interrupts the wait ends the process, and its children, too.

    Args:
        command: Program and arguments.
        folder: Where it runs.
        environ: Its whole environment.
        deadline_s: Seconds after which it is told to write down where it is, and killed.

    Raises:
        OSError: It cannot be started.
    """
    started = time.monotonic()
    # Files, not pipes: children that stay behind, as clipboard programs do, would keep a pipe open.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
            list(command),
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        code: int | None = None
        try:
            code = process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # Python's fault handler writes the stack of every thread
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LAST_WORDS_S)
        finally:
            if code is None:
                _kill_all(process)
        seconds = time.monotonic() - started
        return Ended(code=code, out=_content(out), err=_content(err), seconds=seconds)


def _kill_all(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_MAX_OUTPUT_CHARS).decode(errors="replace")
