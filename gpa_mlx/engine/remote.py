"""Transcription by a server of `gpa-mlx serve`: an engine's stream from another process, without MLX in this one."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from gpa_mlx.errors import AudioFileError, GPAError, InputTooLongError, ModelNotFoundError, SettingsError
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.transcripts.chunk_documents import chunk_of
from gpa_mlx.types import AudioFile, GenerationOptions, TranscriptionChunk

if TYPE_CHECKING:
    from gpa_mlx.types import AudioLike, ChannelChoice, TranscriptionStream, VadChoice

USUAL_ADDRESS = "http://127.0.0.1:8765"
"""Where `gpa-mlx serve` listens if it is not told otherwise."""

_PIECE_BYTES = 1 << 20
_MOST_LINE_BYTES = 1 << 24
_TIMEOUT_S = 120.0
"""Of silence: a server says something every 15 seconds, also while it works."""

_BUSY = (429, 503)
_PATIENCE_S = 600.0
"""How long a server that is busy is asked again."""

_KINDS: dict[str, type[GPAError]] = {
    "invalid_audio": AudioFileError,
    "input_too_long": InputTooLongError,
    "recording_too_long": InputTooLongError,
    "invalid_value": SettingsError,
    "unsupported_value": SettingsError,
    "invalid_api_key": SettingsError,
    "model_not_found": ModelNotFoundError,
    "model_not_available": ModelNotFoundError,
}


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What a server says of itself.

    Attributes:
        model: The name of its model.
        is_ready: Whether the model is loaded.
    """

    model: str
    is_ready: bool


class RemoteTranscriber:
    """A server as far as `TranscribeJob` needs an engine.

    Args:
        address: Such as `http://127.0.0.1:8765`; a path in front of the routes, and their `/v1`, may follow.
        key: What the server asks for; None sends nothing.
        model: The name of the model that is to be used; None takes what is served.
        timeout_s: How long the server may be silent.

    Raises:
        SettingsError: The address is none.
    """

    def __init__(
        self, address: str, *, key: str | None = None, model: str | None = None, timeout_s: float = _TIMEOUT_S
    ) -> None:
        try:
            parts = urlsplit(address)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not host:
            raise SettingsError(f"'{address}' is no address of a server.", hint=f"Give one such as {USUAL_ADDRESS}.")
        self.address = address
        self._host, self._port, self._is_secure = host, port, parts.scheme == "https"
        self._prefix = quote(parts.path.rstrip("/").removesuffix("/v1"), safe="/%")
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._model, self._timeout_s = model, timeout_s

    def status(self) -> ServerStatus:
        """Ask the server what it serves.

        Raises:
            GPAError: It does not answer, or is another kind of server.
            SettingsError: It asks for another key.
        """
        with closing(self._connection()) as connection:
            try:
                connection.request("GET", f"{self._prefix}/v1/status", headers=self._headers)
                response = connection.getresponse()
                content = response.read(_PIECE_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise self._silent() from error
        if response.status == 401:
            raise _error_of(content, response.status)
        try:
            document = json.loads(content)
            return ServerStatus(str(document["model"]), bool(document["ready"]))
        except (ValueError, KeyError, TypeError) as error:
            raise GPAError(f"{self.address} is no server of gpa-mlx.", hint="Check the address.") from error

    def stream_transcribe(
        self,
        audio: AudioLike,
        *,
        options: GenerationOptions | None = None,
        vad: VadChoice = True,
        batch: int = 1,
        channels: ChannelChoice | None = None,
    ) -> TranscriptionStream:
        """As `GPA.stream_transcribe`, of a file; closing it ends the work of the server.

        `batch` is the server's own affair. What no request can say is refused.

        Raises:
            SettingsError: As said; or the server refuses a value.
            AudioFileError: The file cannot be read, or the server cannot.
            GPAError: The server does not answer, or breaks off.
        """
        if not isinstance(audio, str | os.PathLike) or channels is not None:
            raise SettingsError("A server takes files, and reads their speech.", hint="Leave --server out.")
        if isinstance(audio, AudioFile) and audio.track is not None:
            raise SettingsError("A server takes the usual track of a file.", hint="Leave --server or --track out.")
        fields = self._fields(options or GenerationOptions(), vad)
        name = audio.name if isinstance(audio, AudioFile) else None
        return self._stream(Path(os.fspath(audio)), name or Path(os.fspath(audio)).name, fields)

    def _fields(self, options: GenerationOptions, vad: VadChoice) -> dict[str, str]:
        usual = GenerationOptions()
        if (options.max_tokens, options.constrain) != (usual.max_tokens, usual.constrain) or not isinstance(vad, bool):
            raise SettingsError(
                "A server chooses the budget, the vocabulary and the detector of speech itself.",
                hint="Leave --server out, or --max-tokens, --no-constrain and --vad.",
            )
        fields = {"stream": "true", "stream_format": "chunks", "vad": "true" if vad else "false"}
        if self._model is not None:
            fields["model"] = self._model
        for key in ("temperature", "top_k", "top_p", "repetition_penalty", "seed"):
            if (value := getattr(options, key)) != getattr(usual, key):
                fields[key] = str(value)
        return fields

    def _stream(self, path: Path, name: str, fields: dict[str, str]) -> TranscriptionStream:
        asked_until = time.monotonic() + _PATIENCE_S
        while True:
            with closing(self._connection()) as connection:
                response = self._post(connection, path, name, fields)
                if response.status == 200:
                    yield from self._chunks(response)
                    return
                content = response.read(_PIECE_BYTES)
            pause_s = _retry_after_s(response)
            if response.status not in _BUSY or pause_s is None or time.monotonic() + pause_s > asked_until:
                raise _error_of(content, response.status)
            _pause(pause_s)

    def _connection(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._is_secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=self._timeout_s)

    def _post(
        self, connection: http.client.HTTPConnection, path: Path, name: str, fields: dict[str, str]
    ) -> http.client.HTTPResponse:
        """Send a recording as a form, piece by piece."""
        boundary = f"gpa-mlx-{secrets.token_hex(16)}"
        head = b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in fields.items()
        )
        shown = quote(name, safe=" ()[]+,;=@!'") if not name.isascii() or set(name) & set('"\\\r\n') else name
        head += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{shown}"\r\n\r\n'.encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        headers = {**self._headers, "Content-Type": f"multipart/form-data; boundary={boundary}"}
        try:
            with path.open("rb") as file:
                length = os.fstat(file.fileno()).st_size
                headers["Content-Length"] = str(len(head) + length + len(tail))

                def pieces() -> Iterator[bytes]:
                    yield head
                    try:
                        while piece := file.read(_PIECE_BYTES):
                            check_cancelled()
                            yield piece
                    except OSError as error:
                        raise _unreadable(name, error) from error
                    yield tail

                try:
                    connection.request("POST", f"{self._prefix}/v1/audio/transcriptions", pieces(), headers)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # it may have said why before it closed
                except (OSError, http.client.HTTPException) as error:
                    raise self._silent() from error
        except OSError as error:
            raise _unreadable(name, error) from error
        try:
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise self._silent() from error

    def _chunks(self, response: http.client.HTTPResponse) -> Generator[TranscriptionChunk, None, None]:
        is_complete = False
        try:
            while line := response.readline(_MOST_LINE_BYTES):
                check_cancelled()
                if not line.startswith(b"data: "):
                    continue
                document = json.loads(line[6:])
                if "error" in document:
                    raise _error_of(line[6:], response.status)
                if document.get("type") == "transcript.chunk":
                    chunk = chunk_of(document["chunk"])
                    is_complete = chunk.finish_reason is not None
                    yield chunk
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            raise self._broken() from error
        if not is_complete:
            raise self._broken()

    def _silent(self) -> GPAError:
        return GPAError(
            f"No server answers at {self.address}.", hint="Start one with `gpa-mlx serve`, or leave --server out."
        )

    def _broken(self) -> GPAError:
        return GPAError(f"The server at {self.address} broke off.", hint="Try again; its own messages say more.")


def _unreadable(name: str, error: OSError) -> AudioFileError:
    return AudioFileError(f"{name} cannot be read: {error.strerror}.", hint="Check the path.")


def _retry_after_s(response: http.client.HTTPResponse) -> float | None:
    """Return when the server wants to be asked again; None: never."""
    try:
        return max(float(response.headers["Retry-After"]), 0.1)
    except (KeyError, TypeError, ValueError):
        return None


def _pause(seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        check_cancelled()
        time.sleep(min(left, 0.1))


def _error_of(content: bytes, status: int) -> GPAError:
    """Return the error that a server's answer means."""
    try:
        error: dict[str, Any] = json.loads(content)["error"]
        kind = _KINDS.get(str(error.get("code")), GPAError)
        return kind(str(error["message"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return GPAError(f"The server answered with status {status}.", hint="Its own messages say more.")
