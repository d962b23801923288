"""One file of a snapshot, fetched into `NAME.part` and renamed when its size and checksum are right."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpa_mlx.errors import GPAError, ModelNotFoundError
from gpa_mlx.store.hub.channel import HubChannel
from gpa_mlx.store.hub.repository import RemoteFile, gated
from gpa_mlx.store.hub.retry_policy import RetryPolicy, is_retryable

if TYPE_CHECKING:
    from typing import Self

PART_SUFFIX = ".part"
_CHUNK_BYTES = 1 << 20
_RANGE_START = re.compile(r"bytes ([0-9]{1,18})-")


class StoppedError(Exception):
    """The download was stopped on request; what has arrived stays."""


class _AgainError(Exception):
    """This try failed; another may not.

    Attributes:
        asked_s: How long the server asks us to wait.
    """

    def __init__(self, problem: str, asked_s: float = 0.0) -> None:
        super().__init__(problem)
        self.asked_s = asked_s


class _Part:
    """The file on its way, with the digest of what is there. A context manager.

    Attributes:
        size: Bytes that are there.
    """

    def __init__(self, target: Path, file: RemoteFile, on_bytes: Callable[[int], None], stop: threading.Event) -> None:
        self._path = target.with_name(target.name + PART_SUFFIX)
        self._target = target
        self._expected = file
        self._on_bytes = on_bytes
        self._digest = file.new_digest()
        self.size = 0
        target.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a+b", buffering=0)
        if self._path.stat().st_size > file.size:
            self.clear()
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK_BYTES):  # the bytes of an earlier run count for the checksum too
            if stop.is_set():
                self._file.close()
                raise StoppedError
            self._count(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:  # an unbuffered write may take a part only
            view = view[self._file.write(view) :]
        self._count(chunk)

    def clear(self) -> None:
        self._file.truncate(0)
        self._digest = self._expected.new_digest()
        self._on_bytes(-self.size)
        self.size = 0

    def is_right(self) -> bool:
        return self.size == self._expected.size and self._digest.hexdigest() == self._expected.checksum

    def finish(self) -> None:
        os.fsync(self._file.fileno())
        self._path.replace(self._target)

    def _count(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self.size += len(chunk)
        self._on_bytes(len(chunk))


class Fetcher:
    """Fetches files of one repository over one pool of connections; safe to use from several threads.

    Args:
        repo: For messages.
        channel: The way to them.
        retries: How long to try.
        stop: Set to end every fetch.
    """

    def __init__(
        self,
        repo: str,
        channel: HubChannel,
        retries: RetryPolicy,
        stop: threading.Event,
    ) -> None:
        self._repo = repo
        self._client = channel.client
        # Compressed bodies would have neither the listed size nor usable ranges.
        self._headers = {**channel.headers, "Accept-Encoding": "identity"}
        self._retries = retries
        self._stop = stop

    def fetch(self, url: str, file: RemoteFile, target: Path, on_bytes: Callable[[int], None]) -> None:
        """Bring one file to `target`, going on from what an earlier run left.

        Args:
            url: Where it is.
            file: Size and checksum it must have.
            target: Where it goes. A file that is there with the right content is left alone.
            on_bytes: Gets how many bytes are there now that were not there before; negative when they are dropped.

        Raises:
            ModelNotFoundError: The server says it is not there, or not for this user.
            GPAError: The server keeps failing, or sends something else than it lists.
            StoppedError: `stop` was set.
            OSError: It cannot be written.
        """
        if self._is_there(file, target, on_bytes):
            return
        with _Part(target, file, on_bytes, self._stop) as part:
            failures = spoilt = 0
            furthest = part.size
            while not part.is_right():
                asked_s, problem = 0.0, "the connection ended early"
                if part.size == file.size:
                    problem = "it has another checksum than the hub lists"
                    spoilt += 1
                    part.clear()
                    furthest = 0
                else:
                    try:
                        self._receive(url, file, part)
                    except _AgainError as error:
                        problem, asked_s = str(error), error.asked_s
                if part.is_right():
                    break
                # Not what came again after a start from nothing: that could go on for ever.
                failures = 0 if part.size > furthest else failures + 1
                furthest = max(furthest, part.size)
                if spoilt > 1 or failures >= self._retries.tries:
                    raise GPAError(
                        f"{file.name} of {self._repo} could not be downloaded: {problem}.",
                        hint="Run the command again later: it goes on where it stopped.",
                    )
                if failures and self._stop.wait(self._retries.wait_s(failures, asked_s)):
                    raise StoppedError
            part.finish()

    def _is_there(self, file: RemoteFile, target: Path, on_bytes: Callable[[int], None]) -> bool:
        """Return whether the file is there and right; a wrong one is removed."""
        if not target.is_file():
            return False
        if target.stat().st_size == file.size:
            digest, done = file.new_digest(), 0
            with target.open("rb") as content:
                while chunk := content.read(_CHUNK_BYTES):
                    if self._stop.is_set():
                        raise StoppedError
                    digest.update(chunk)
                    done += len(chunk)
                    on_bytes(len(chunk))
            if digest.hexdigest() == file.checksum:
                return True
            on_bytes(-done)
        target.unlink()
        return False

    def _receive(self, url: str, file: RemoteFile, part: _Part) -> None:
        from huggingface_hub import errors

        ranged = {"Range": f"bytes={part.size}-"} if part.size else {}
        try:
            with self._client.stream(
                "GET", url, headers={**self._headers, **ranged}, timeout=self._retries.stall_s
            ) as response:
                self._check_status(response, file, part)
                for chunk in response.iter_raw():
                    if self._stop.is_set():
                        raise StoppedError
                    part.add(chunk)
                    if part.size > file.size:
                        part.clear()
                        raise _AgainError("the server sends more than the hub lists")
        except errors.HTTPError as error:  # pyright: ignore[reportPrivateImportUsage]
            raise _AgainError(" ".join(str(error).split()) or type(error).__name__) from error

    def _check_status(self, response: Any, file: RemoteFile, part: _Part) -> None:  # noqa: ANN401
        status = response.status_code
        if status in (401, 403):
            raise gated(self._repo)
        if status in (404, 410):
            raise ModelNotFoundError(
                f"The hub lists {file.name} of {self._repo} but does not have it.",
                hint="Take another revision, or another hub with HF_ENDPOINT.",
            )
        if status == 206:
            start = _RANGE_START.match(response.headers.get("Content-Range", ""))
            if not start or int(start[1]) != part.size:
                part.clear()
                raise _AgainError("the server sends another range than asked for")
        elif status == 416:
            part.clear()
            raise _AgainError("the server does not have the range asked for")
        elif status == 200:
            if part.size:  # it does not know ranges: all of it comes again
                part.clear()
        elif is_retryable(status):
            raise _AgainError(f"the server answers {status}", _seconds(response.headers.get("Retry-After", "")))
        else:
            raise GPAError(
                f"{file.name} of {self._repo} could not be downloaded: the server answers {status}.",
                hint="Check HF_ENDPOINT and the proxy.",
            )


def _seconds(text: str) -> float:
    return float(text) if re.fullmatch("[0-9]{1,9}", text) else 0.0
