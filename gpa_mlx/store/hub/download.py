"""All files of a snapshot, several at a time."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.store.hub.channel import HubChannel
from gpa_mlx.store.hub.repository import RemoteFile, Snapshot
from gpa_mlx.store.hub.retry_policy import RetryPolicy
from gpa_mlx.store.hub.transfer import PART_SUFFIX, Fetcher, StoppedError
from gpa_mlx.store.progress import ByteProgress, result_of

if TYPE_CHECKING:
    from collections.abc import Generator

_TICK_S = 0.1
_PARTING_S = 1.0
"""How long a stopped worker may take to notice; one that waits for a silent server is left behind."""


def missing_bytes(snapshot: Snapshot, folder: Path) -> int:
    """Return how many bytes are still to come, by the sizes of what is there."""
    return sum(file.size - min(file.size, _present(folder / file.name)) for file in snapshot.files)


def download(snapshot: Snapshot, folder: Path, *, jobs: int = 4, retries: RetryPolicy | None = None) -> None:
    """Bring every file of a snapshot into a folder; the fold of `stream_download`."""
    result_of(stream_download(snapshot, folder, jobs=jobs, retries=retries))


def stream_download(
    snapshot: Snapshot, folder: Path, *, jobs: int = 4, retries: RetryPolicy | None = None
) -> Generator[ByteProgress, None, None]:
    """Bring every file of a snapshot into a folder, going on from whatever is there.

    A file appears under its name only when its size and checksum are right; until then it is `NAME.part`. What is
    there already is read and checked, and not asked for again: a whole folder needs no network.

    Args:
        snapshot: What to fetch.
        folder: Where to; made if needed. One process at a time may work on it.
        jobs: How many files at a time.
        retries: How long to try.

    Raises:
        ModelNotFoundError: The server says a file is not there, or not for this user.
        GPAError: The server keeps failing, sends something else than it lists or next to nothing, or the disk is full.
        CancelledError: As `check_cancelled`; like Ctrl-C, it leaves what has arrived.
    """
    retries = retries or RetryPolicy.default()
    work = _Work(snapshot, folder, retries)
    pace = _Pace(retries)
    workers = [threading.Thread(target=work.run, daemon=True) for _ in range(min(jobs, len(snapshot.files)))]
    try:
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            check_cancelled()
            work.changed.wait(_TICK_S)
            work.changed.clear()
            pace.check(snapshot.repo, work.done)
            yield ByteProgress(work.done, snapshot.size)
    finally:
        work.stop.set()
        for worker in workers:
            worker.join(_PARTING_S)
    if work.error is not None:
        raise work.error


class _Pace:
    """Watches how fast everything together comes."""

    def __init__(self, retries: RetryPolicy) -> None:
        self._retries = retries
        self._since_s, self._since_bytes = time.monotonic(), 0

    def check(self, repo: str, done: int) -> None:
        """Look at how much is there.

        Raises:
            GPAError: Next to nothing has come for a long time.
        """
        now_s = time.monotonic()
        passed_s = now_s - self._since_s
        if passed_s < self._retries.slow_s:
            return
        if done - self._since_bytes < self._retries.least_bytes_per_s * passed_s:
            raise GPAError(
                f"{repo} comes too slowly: {max(0, done - self._since_bytes) / passed_s:.0f} bytes a second.",
                hint="Run the command again later, or with another hub (HF_ENDPOINT): it goes on where it stopped.",
            )
        self._since_s, self._since_bytes = now_s, done


class _Work:
    """What the workers share.

    Attributes:
        stop: Ends them.
        changed: Set when a worker has ended a file.
        done: Bytes that are there.
        error: What the first of them failed of.
    """

    def __init__(self, snapshot: Snapshot, folder: Path, retries: RetryPolicy) -> None:
        channel = HubChannel.open()
        self.stop = threading.Event()
        self.changed = threading.Event()
        self.done = 0
        self.error: BaseException | None = None
        self._snapshot = snapshot
        self._folder = folder
        self._lock = threading.Lock()
        self._waiting = sorted(snapshot.files, key=lambda file: file.size)  # the largest is taken first
        self._fetcher = Fetcher(snapshot.repo, channel, retries, self.stop)

    def run(self) -> None:
        try:
            while (file := self._next()) is not None:
                self._fetch(file)
                self.changed.set()
        except StoppedError:
            pass
        except OSError as error:
            place = error.filename or self._folder
            self._fail(
                GPAError(
                    f"{place}: {error.strerror or error}.",
                    hint="Run the command again when that is mended: it goes on where it stopped.",
                )
            )
        except Exception as error:  # noqa: BLE001 - it is raised again in the thread that waits
            self._fail(error)

    def _fetch(self, file: RemoteFile) -> None:
        from huggingface_hub import constants, hf_hub_url

        repo, revision = self._snapshot.repo, self._snapshot.revision
        url = hf_hub_url(repo, file.name, revision=revision, endpoint=constants.ENDPOINT)
        self._fetcher.fetch(url, file, self._folder / file.name, self._advance)

    def _next(self) -> RemoteFile | None:
        with self._lock:
            return self._waiting.pop() if self._waiting and not self.stop.is_set() else None

    def _advance(self, count: int) -> None:
        with self._lock:
            self.done += count

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self.error = self.error or error
        self.stop.set()
        self.changed.set()


def _present(target: Path) -> int:
    for path in (target, target.with_name(target.name + PART_SUFFIX)):
        with contextlib.suppress(OSError):
            return path.stat().st_size
    return 0
