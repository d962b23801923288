"""Installing, converting, repairing and removing models in a process of its own, and what goes on in it.

A process, because a conversion computes with MLX, which only the engine's thread of the app may do, and because the
memory it takes is given back. It ends when its standard input does: when the task is cancelled, or the app is gone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gpa_mlx.errors import GPAError
from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from gpa_mlx.jobs.events import PartProgress, StepStarted
    from gpa_mlx_tui.services.background import BackgroundTask

_REPORT_S = 0.1
_PARTING_S = 5.0
_INTERRUPTED = 130


DtypeChoice = Literal["", "float32", "bfloat16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallRequest:
    """What is to be done to the installed models.

    Attributes:
        task: `pull` downloads and converts, `convert` takes a folder, `repair` makes a damaged model again.
        source: A hub repository, the folder to convert, or the model to repair; nothing for `remove`.
        name: What the model is or will be called; empty derives it from the repository.
        revision: Branch, tag or commit; empty takes what is installed or the main branch.
        upgrade: Ask the hub for the newest commit.
        dtype: Of the language model; empty keeps what is installed, or takes the
            converter's default.
        lm_bits: Quantise the language model; None does not.
    """

    task: Literal["pull", "convert", "repair", "remove"]
    source: str = ""
    name: str = ""
    revision: str = ""
    upgrade: bool = False
    dtype: DtypeChoice = ""
    lm_bits: Literal[4, 6, 8] | None = None


class InstallAdvanced(TaskMessage):
    """How far it is.

    Args:
        task: The task.
        words: What is being done.
        share: 0 to 1; None: not known.
    """

    def __init__(self, task: BackgroundTask, words: str, share: float | None) -> None:
        super().__init__(task)
        self.words = words
        self.share = share


class InstallDone(TaskMessage):
    """It is done.

    Args:
        task: The task.
        words: One sentence.
    """

    def __init__(self, task: BackgroundTask, words: str) -> None:
        super().__init__(task)
        self.words = words


class Meter:
    """Makes words and a share of bytes that are done, with the time that is left.

    Args:
        task: Gets `InstallAdvanced`.
        clock: Seconds that only grow.
    """

    def __init__(self, task: BackgroundTask, clock: Callable[[], float] = time.monotonic) -> None:
        self._task = task
        self._clock = clock
        self._name = ""
        self._began = self._shown = 0.0
        self._first = 0

    def report(self, name: str, done: int, total: int) -> None:
        """Say how far a part is, not more often than can be read.

        Raises:
            CancelledError: The task was cancelled.
        """
        from gpa_mlx.text.quantities import readable_duration, readable_size

        self._task.check()
        now = self._clock()
        if name != self._name:  # what an earlier run has done is no measure of the speed of this one
            self._name, self._began, self._first, self._shown = name, now, done, now - _REPORT_S
        if now - self._shown < _REPORT_S and done < total:
            return
        self._shown = now
        speed = (done - self._first) / max(now - self._began, 1e-9)
        left = f", {readable_duration((total - done) / speed)} left" if speed > 0 and done < total else ""
        words = f"{name}: {readable_size(done)} of {readable_size(total)}{left}"
        self._task.post(InstallAdvanced(self._task, words, done / total if total else None))

    def say(self, line: str) -> None:
        """Say what is done now."""
        self._name = ""
        self._task.post(InstallAdvanced(self._task, line, None))


def install(task: BackgroundTask, request: InstallRequest) -> None:
    """Have a request done in a process, and tell how it goes.

    Raises:
        GPAError: It could not be done.
        CancelledError: The task was cancelled; what was installed is as it was, what was downloaded is kept.
    """
    # -P: what lies in the current folder is no part of the program.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gpa_mlx_tui.features.models.installing"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        start_new_session=True,
    )
    orders, news = process.stdin, process.stdout
    assert orders is not None
    assert news is not None
    meter = Meter(task)
    result: dict[str, Any] = {}
    with process:
        with suppress(OSError):
            orders.write(json.dumps(asdict(request)) + "\n")
            orders.flush()
        task.on_cancel(lambda: _close(orders))
        for line in news:
            result = json.loads(line)
            if not task.is_cancelled and "part" in result:
                meter.report(result["part"], result["done"], result["total"])
            elif "line" in result:
                meter.say(result["line"])
        _close(orders)
    task.check()
    if "error" in result:
        raise GPAError(result["error"], hint=result["hint"])
    if "result" not in result:
        raise GPAError("The work ended before it was done.", hint="Try again; what was installed is as it was.")
    task.post(InstallDone(task, result["result"]))


def main() -> None:
    """Do the request on standard input; one JSON object per line of standard output says how it goes."""
    # An app that was started with SIGINT ignored, as in the background, hands that on; `_end_with_input` needs it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Libraries that print must not print in between.
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as news:
        os.dup2(2, 1)
        request = InstallRequest(**json.loads(sys.stdin.readline()))
        threading.Thread(target=_end_with_input, daemon=True).start()

        def tell(**content: object) -> None:
            news.write(json.dumps(content) + "\n")

        try:
            tell(result=_do(request, tell))
        except GPAError as error:
            tell(error=error.message, hint=error.hint)
        except KeyboardInterrupt:
            sys.exit(_INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - the app says what it is
            tell(error=f"Unexpected {type(error).__name__}: {error}.", hint="Please report this.")


def _do(request: InstallRequest, tell: Callable[..., None]) -> str:
    """Return what has been done, for people."""
    from gpa_mlx.settings import SettingsSource
    from gpa_mlx.text.quantities import readable_size
    from gpa_mlx_convert.install import InstallDirectoryJob, PullJob, PullRequest, RemoveJob, RepairJob
    from gpa_mlx_convert.pipeline import ConvertOptions
    from gpa_mlx_convert.quantize import default_dtype

    conversion = ConvertOptions(request.dtype or default_dtype(), request.lm_bits)
    if request.task == "remove":
        _follow(RemoveJob(request.name).run(), tell)
        return f"{request.name} is removed."
    if request.task == "repair":
        repair = RepairJob(Path(request.source), offline=False)
        _follow(repair.run(), tell)
        how = "was damaged and is whole again" if repair.result.changed else "is whole"
        return f"{repair.path.name} {how}: {len(repair.result.manifest.files)} files."
    if request.task == "convert":
        job = InstallDirectoryJob(Path(request.source), request.name, conversion, SettingsSource())
    else:
        chosen = conversion if request.dtype or request.lm_bits else None
        job = PullJob(
            PullRequest(
                request.source, request.name or None, request.revision or None, request.upgrade, conversion=chosen
            )
        )
    _follow(job.run(), tell)
    size = readable_size(sum(file.size for file in job.result.manifest.files.values()))
    return f"{job.target.name} is installed{'' if job.result.changed else ' already'} ({size})."


def _follow(events: Generator[StepStarted | PartProgress, None, None], tell: Callable[..., None]) -> None:
    """Run a job to its end and pass on how it goes, not more often than can be read."""
    from gpa_mlx.jobs.events import StepStarted

    last = 0.0
    with closing(events):
        for event in events:
            if isinstance(event, StepStarted):
                tell(line=event.step)
            elif event.done_bytes >= event.total_bytes or time.monotonic() - last >= _REPORT_S:
                last = time.monotonic()
                tell(part=event.part, done=event.done_bytes, total=event.total_bytes)


def _end_with_input() -> None:
    """Interrupt this process when nobody wants its work any more."""
    sys.stdin.read()
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    time.sleep(_PARTING_S)
    os._exit(_INTERRUPTED)


def _close(orders: Any) -> None:  # noqa: ANN401 - a text stream of subprocess
    with suppress(OSError):
        orders.close()


if __name__ == "__main__":
    main()
