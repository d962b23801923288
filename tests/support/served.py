"""A server of one's own for trials, and a client for it that notes when each byte comes: asyncio and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

_ADDRESS = re.compile(rb"http://([0-9.]+):(\d+) ")
_BOUNDARY = "gpa-mlx-trial"


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        path: Of the URL.
        body: Its content; None asks with GET.
        content_type: Of the body.
        audio_s: Seconds of the recording in it; 0 where there is none.
        kind: `speak`, `transcribe` or `vc`.
    """

    path: str
    body: bytes | None = None
    content_type: str = "application/json"
    audio_s: float = 0.0
    kind: str = ""


@dataclass(slots=True)
class Answer:
    """What came back, and when, in seconds since the request was sent.

    Attributes:
        status: Of HTTP; 0 when there was no answer.
        headers: Their names in lower case.
        pieces: Bytes of the body, each with its time.
        total_s: When it was complete.
        is_whole: Whether the end was one.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    total_s: float = 0.0
    is_whole: bool = False

    @property
    def body(self) -> bytes:
        """The body."""
        return b"".join(piece for _, piece in self.pieces)

    def json(self) -> dict:
        """The body as an object."""
        return json.loads(self.body)


def speech_call(text: str, voice: object, **fields: object) -> Call:
    """Return a request to say a text, as 16-bit samples at 16 kHz while they are made."""
    document = {"input": text, "voice": voice, "response_format": "pcm", "sample_rate": 16_000, **fields}
    return Call("/v1/audio/speech", json.dumps(document).encode(), kind="speak")


def form_call(path: str, recording: bytes, kind: str, **fields: str) -> Call:
    """Return a request with a recording and fields."""
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    body = b"".join([*parts, head.encode(), recording, f"\r\n--{_BOUNDARY}--\r\n".encode()])
    return Call(path, body, f"multipart/form-data; boundary={_BOUNDARY}", wav_duration_s(recording), kind)


def transcription_call(recording: bytes) -> Call:
    """Return a request to write a recording down, in events."""
    return form_call("/v1/audio/transcriptions", recording, "transcribe", stream="true")


def conversion_call(recording: bytes, voice: str, seed: int) -> Call:
    """Return a request to say a recording in another voice, as `speech_call`."""
    fields = {"voice": voice, "response_format": "pcm", "sample_rate": "16000", "seed": str(seed)}
    return form_call("/v1/audio/conversions", recording, "vc", **fields)


def wav_of(samples: np.ndarray) -> bytes:
    """Return 16 kHz samples in [-1, 1] as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 16_000, 0, "NONE", ""))
        writer.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
    return file.getvalue()


def wav_duration_s(recording: bytes) -> float:
    """Return how long a WAV file is; 0 for what is none."""
    with contextlib.suppress(wave.Error, EOFError), wave.open(io.BytesIO(recording)) as reader:
        return reader.getnframes() / reader.getframerate()
    return 0.0


async def request(
    host: str, port: int, call: Call, *, leave_after: int | None = None, timeout_s: float = 600
) -> Answer:
    """Send a request and read the answer.

    Args:
        host: Of the server.
        port: Of the server.
        call: What to ask.
        leave_after: Close the connection after so many bytes of the body; None reads to the end.
        timeout_s: When to give up.
    """
    answer = Answer()
    begin = time.perf_counter()
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError):
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
            try:
                writer.write(head_of(call, host, port) + (call.body or b""))
                await writer.drain()
                await _read_head(reader, answer)
                got = 0
                async for piece in _pieces(reader, answer):
                    answer.pieces.append((time.perf_counter() - begin, piece))
                    got += len(piece)
                    if leave_after is not None and got >= leave_after:
                        writer.transport.abort()
                        break
            finally:
                writer.close()
    answer.total_s = time.perf_counter() - begin
    return answer


def head_of(call: Call, host: str, port: int) -> bytes:
    """Return the head of a request."""
    lines = [f"{'GET' if call.body is None else 'POST'} {call.path} HTTP/1.1", f"Host: {host}:{port}"]
    lines += ["Connection: close"]
    if call.body is not None:
        lines += [f"Content-Type: {call.content_type}", f"Content-Length: {len(call.body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _read_head(reader: asyncio.StreamReader, answer: Answer) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    answer.headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    answer.status = int(head[0].split()[1])


async def _pieces(reader: asyncio.StreamReader, answer: Answer) -> AsyncIterator[bytes]:
    if answer.headers.get("transfer-encoding", "") == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    else:
        yield await reader.readexactly(int(answer.headers.get("content-length", "0")))
    answer.is_whole = True


class Server:
    """A server in a process of its own, on a free port of this machine, with a library of voices of its own.

    Args:
        options: Of `gpa-mlx serve`.
        environment: Variables more.
    """

    def __init__(self, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self._options, self._environment = options, dict(environment or {})
        self.host, self.port = "127.0.0.1", 0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - until the end

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "gpa_mlx", "serve", "--port", str(self.port), *self._options]
        self._log.seek(0)
        self._log.truncate()
        self.process = subprocess.Popen(
            command, stderr=self._log, stdin=subprocess.DEVNULL, env={**os.environ, **self._environment}
        )
        while not (found := _ADDRESS.search(self.said)):
            if self.process.poll() is not None:
                raise RuntimeError(f"the server did not start:\n{self.said.decode()}")
            time.sleep(0.02)
        self.host, self.port = found[1].decode(), int(found[2])

    @property
    def said(self) -> bytes:
        """What it has written to standard error since its start; a file, for a pipe that is not read stops it."""
        return os.pread(self._log.fileno(), 1 << 24, 0)

    @property
    def rss_mb(self) -> float:
        """Memory that it holds now."""
        return _memory_mb(self.process.pid, "VmRSS")

    @property
    def peak_mb(self) -> float:
        """The most memory that it has held since `forget_peak`; now, where that cannot be told."""
        return _memory_mb(self.process.pid, "VmHWM")

    def forget_peak(self) -> None:
        """Have `peak_mb` count from now."""
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    @property
    def open_files(self) -> int:
        """Its open descriptors; 0 where that cannot be told."""
        with contextlib.suppress(OSError):
            return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))
        return 0

    def kill(self) -> None:
        """End it at once, as a lack of memory would."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_s: float = 60) -> int:
        """Ask it to end; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def _memory_mb(process: int, name: str) -> float:
    status = Path(f"/proc/{process}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
        return int(line.split()[1]) / 1000
    answer = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True, check=True)
    return int(answer.stdout) / 1000


@contextlib.contextmanager
def serving(*options: str) -> Iterator[Server]:
    """Serve while the block lasts, with a home of its own; the model is loaded when it begins."""
    with tempfile.TemporaryDirectory() as home:
        server = Server(*options, environment={"GPA_MLX_HOME": home})
        server.start()
        try:
            wait_until_ready(server)
            yield server
        finally:
            server.stop()


def wait_until_ready(server: Server, timeout_s: float = 300) -> None:
    """Wait until the model is loaded."""

    async def wait() -> None:
        async with asyncio.timeout(timeout_s):
            while (await request(server.host, server.port, Call("/readyz"))).status != 200:
                await asyncio.sleep(0.05)

    asyncio.run(wait())
