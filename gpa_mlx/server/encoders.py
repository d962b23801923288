"""Speech as bytes while it is made: one encoder a format, and what each needs.

The mark that the sound is synthetic stands at the beginning of every stream whose format has a place for it. The
digest of the samples cannot: it is known at the end.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

import numpy as np
import soundfile
import soxr

from gpa_mlx.audio.files.output_formats import adts_of, check_aac
from gpa_mlx.audio.files.wav import write_wav
from gpa_mlx.types import SAMPLE_RATE_HZ
from gpa_mlx.version import __version__

if TYPE_CHECKING:
    from gpa_mlx.types import Waveform

PCM_HZ = 24_000
"""The rate of raw samples, unless another is asked for: what clients of OpenAI's interface take for granted."""

_OPEN = 0xFFFF_FFFF


class SpeechEncoder(Protocol):
    """Takes samples at 16 kHz and returns bytes; what all calls return one after the other is the file."""

    def encode(self, audio: Waveform) -> bytes:
        """Return what can be sent after `(samples,)` float32 more."""
        ...

    def finish(self) -> bytes:
        """Return the rest."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedFormat:
    """A format of answers.

    Attributes:
        content_type: Of HTTP.
        make: Makes an encoder for a rate in Hz and a mark.
        rate_hz: The usual rate.
        rates_hz: Those that may be asked for.
        suffix: Of the file that a whole answer is made in; empty where the format has none of its own.
        check: Raises `AudioFileError` where nothing here can encode it.
    """

    content_type: str
    make: Callable[[int, str], SpeechEncoder]
    rate_hz: int = SAMPLE_RATE_HZ
    rates_hz: tuple[int, ...] = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
    suffix: str = ""
    check: Callable[[], None] = lambda: None


def mark_of(task: str) -> str:
    """Return what a stream says of itself."""
    return f"synthetic speech by gpa-mlx {__version__} ({task}); streamed"


class _Resampler:
    def __init__(self, rate_hz: int) -> None:
        same = rate_hz == SAMPLE_RATE_HZ
        self._stream = None if same else soxr.ResampleStream(SAMPLE_RATE_HZ, rate_hz, 1, dtype="float32", quality="HQ")

    def resample(self, audio: Waveform, *, last: bool = False) -> Waveform:
        return audio if self._stream is None else self._stream.resample_chunk(audio, last=last)


class _Pcm:
    """16-bit little-endian samples, after a header if there is one."""

    def __init__(self, rate_hz: int, head: bytes = b"") -> None:
        self._resampler, self._head = _Resampler(rate_hz), head

    def encode(self, audio: Waveform) -> bytes:
        head, self._head = self._head, b""
        return head + _int16(self._resampler.resample(audio))

    def finish(self) -> bytes:
        return self._head + _int16(self._resampler.resample(np.zeros(0, np.float32), last=True))


def _int16(audio: Waveform) -> bytes:
    """Round as libsndfile does, so that a stream and a file have the same samples."""
    return np.clip(np.rint(audio.astype(np.float64) * 32768), -32768, 32767).astype("<i2").tobytes()


def _wav_head(rate_hz: int, mark: str) -> bytes:
    """Return the header of a WAV file of unknown length, with the mark in front of the samples."""
    texts = b"".join(_info(name, text) for name, text in ((b"ISFT", f"gpa-mlx {__version__}"), (b"ICMT", mark)))
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    info = struct.pack("<4sI4s", b"LIST", 4 + len(texts), b"INFO") + texts
    return struct.pack("<4sI4s", b"RIFF", _OPEN, b"WAVE") + fmt + info + struct.pack("<4sI", b"data", _OPEN)


def _info(name: bytes, text: str) -> bytes:
    content = text.encode("ascii", "replace") + b"\0"
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)


class _Outlet:
    """A file that grows at its end; what an encoder would put right at its beginning later has been sent already."""

    def __init__(self) -> None:
        self._position = self._end = 0
        self._fresh = bytearray()

    def take(self) -> bytes:
        fresh, self._fresh = bytes(self._fresh), bytearray()
        return fresh

    def write(self, content: bytes) -> int:
        content = bytes(content)
        start = self._position
        self._position += len(content)
        if self._position > self._end:
            self._fresh += content[max(self._end - start, 0) :]
            self._end = self._position
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        return b""

    def flush(self) -> None:
        """Nothing is held back."""


class _LibSndFile:
    """An encoder of libsndfile that writes to an outlet."""

    def __init__(self, rate_hz: int, mark: str, container: str, codec: str) -> None:
        self._resampler, self._outlet = _Resampler(rate_hz), _Outlet()
        self._sound = soundfile.SoundFile(
            cast("BinaryIO", self._outlet), "w", rate_hz, 1, subtype=codec, format=container
        )
        self._sound.software, self._sound.comment = f"gpa-mlx {__version__}", mark

    def encode(self, audio: Waveform) -> bytes:
        self._write(self._resampler.resample(audio))
        return self._outlet.take()

    def finish(self) -> bytes:
        self._write(self._resampler.resample(np.zeros(0, np.float32), last=True))
        self._sound.close()
        return self._outlet.take()

    def _write(self, audio: Waveform) -> None:
        if len(audio):
            self._sound.write(audio)


class _Aac:
    """AAC in ADTS frames, encoded by a program in one go when all samples are there."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz, self._resampler = rate_hz, _Resampler(rate_hz)
        self._pieces: list[Waveform] = []

    def encode(self, audio: Waveform) -> bytes:
        self._pieces.append(self._resampler.resample(audio))
        return b""

    def finish(self) -> bytes:
        self._pieces.append(self._resampler.resample(np.zeros(0, np.float32), last=True))
        with tempfile.TemporaryDirectory(prefix="gpa-mlx-") as folder:
            source = Path(folder, "speech.wav")
            write_wav(source, np.concatenate(self._pieces), self._rate_hz)
            return adts_of(source)


def _sound_file_format(content_type: str, container: str, codec: str, suffix: str, **more: object) -> StreamedFormat:
    return StreamedFormat(
        content_type=content_type,
        make=lambda rate_hz, mark: _LibSndFile(rate_hz, mark, container, codec),
        suffix=suffix,
        **more,  # pyright: ignore[reportArgumentType]
    )


STREAMED_FORMATS: Mapping[str, StreamedFormat] = {
    "mp3": _sound_file_format("audio/mpeg", "MP3", "MPEG_LAYER_III", ".mp3"),
    "opus": _sound_file_format("audio/ogg", "OGG", "OPUS", ".opus", rates_hz=(8_000, 12_000, 16_000, 24_000, 48_000)),
    "aac": StreamedFormat(content_type="audio/aac", make=lambda rate_hz, mark: _Aac(rate_hz), check=check_aac),
    "flac": _sound_file_format("audio/flac", "FLAC", "PCM_16", ".flac"),
    "wav": StreamedFormat(
        content_type="audio/wav", make=lambda rate_hz, mark: _Pcm(rate_hz, _wav_head(rate_hz, mark)), suffix=".wav"
    ),
    "pcm": StreamedFormat(content_type="audio/pcm", make=lambda rate_hz, mark: _Pcm(rate_hz), rate_hz=PCM_HZ),
}
"""By OpenAI's names, `mp3` being what an answer has when nothing is asked for."""
