"""WAV audio that is written while it is generated: files that can be opened at any moment, and pipes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import os
import stat
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, Self

import numpy as np
import soundfile

from gpa_mlx.audio.files.wav import PathLike, target_of, write_wav
from gpa_mlx.errors import AudioFileError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    import numpy.typing as npt

GROWING_SUBTYPES = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
"""Sample formats audio can grow in: those that store every sample by itself, in whole bytes."""

_PCM, _IEEE_FLOAT = 1, 3
_BYTES_PER_SAMPLE: dict[str, int] = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
_FLOAT_DTYPES = {"FLOAT": np.dtype("<f4"), "DOUBLE": np.dtype("<f8")}
_FMT = struct.Struct("<4sIHHIIHH")
_MAX_SIZE = 0xFFFF_FFFF
_HEAD_BYTES = 12 + _FMT.size
_MAX_HEADER_BYTES = 80
_PEAK_BLOCK_SAMPLES = 1 << 20
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Peak:
    """The largest magnitude and where it is first, as the `PEAK` chunk of float files states them."""

    value: float = 0.0
    position: int = 0

    def joined(self, samples: np.ndarray, start: int) -> _Peak:
        """Return the peak of this and of `samples`, which begin at sample `start`."""
        if not len(samples):
            return self
        magnitudes = np.abs(samples)
        position = int(magnitudes.argmax())
        value = float(magnitudes[position])
        return _Peak(value, start + position) if value > self.value else self


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where what is in the file: header, samples, and a byte that makes an odd size even."""

    sample_rate: int
    subtype: str

    @property
    def sample_bytes(self) -> int:
        return _BYTES_PER_SAMPLE[self.subtype]

    @property
    def header_bytes(self) -> int:
        return _MAX_HEADER_BYTES if self.subtype in _FLOAT_DTYPES else _HEAD_BYTES + 8

    @property
    def max_samples(self) -> int:
        """As many as the 32-bit sizes of the header can state."""
        return (_MAX_SIZE - self.header_bytes) // self.sample_bytes

    def data_end(self, samples: int) -> int:
        """Return where so many samples end."""
        return self.header_bytes + samples * self.sample_bytes

    def end(self, samples: int) -> int:
        """Return the size of a file with so many samples."""
        return self.data_end(samples) + self.data_end(samples) % 2

    def head(self, riff_bytes: int) -> bytes:
        """Return everything up to the first chunk that depends on the samples."""
        tag = _IEEE_FLOAT if self.subtype in _FLOAT_DTYPES else _PCM
        width = self.sample_bytes
        fmt = _FMT.pack(b"fmt ", 16, tag, 1, self.sample_rate, self.sample_rate * width, width, 8 * width)
        return struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE") + fmt

    def header(self, samples: int, peak: _Peak) -> bytes:
        """Return the header libsndfile writes for so many samples."""
        middle = b""
        if self.subtype in _FLOAT_DTYPES:
            # The time says that the peak is that of the present samples.
            middle = struct.pack("<4sII", b"fact", 4, samples) + struct.pack(
                "<4sIIIfI", b"PEAK", 16, 1, int(time.time()), peak.value, peak.position
            )
        data = struct.pack("<4sI", b"data", samples * self.sample_bytes)
        return self.head(self.end(samples) - 8) + middle + data

    def describes(self, start: bytes) -> bool:
        """Return whether a file that starts so has this layout; its sizes and its peak may be anything."""
        if len(start) < self.header_bytes:
            return False
        expected = self.header(0, _Peak())
        names = (0, 36, 48, 72) if self.subtype in _FLOAT_DTYPES else (0, 36)
        return start[8:_HEAD_BYTES] == expected[8:_HEAD_BYTES] and all(
            start[name : name + 4] == expected[name : name + 4] for name in names
        )

    def stream_header(self) -> bytes:
        """Return a header that leaves all sizes open, without the peak, which is not known either."""
        fact = struct.pack("<4sII", b"fact", 4, _MAX_SIZE) if self.subtype in _FLOAT_DTYPES else b""
        return self.head(_MAX_SIZE) + fact + struct.pack("<4sI", b"data", _MAX_SIZE)

    def encode(self, samples: npt.NDArray[np.floating]) -> bytes:
        """Return the samples as they stand in the file; libsndfile clips what integers cannot hold."""
        buffer = io.BytesIO()
        soundfile.write(buffer, samples, self.sample_rate, format="RAW", subtype=self.subtype, endian="LITTLE")
        return buffer.getvalue()


class IncrementalWavWriter:
    """A mono WAV file that grows and can be opened, copied and played at every moment; a context manager.

    After every `append` the sizes in the header are those of the samples in the file, and other programs see both.
    Samples are written before the header, so that even a crash in between leaves a file that is valid up to the
    previous piece. The finished file is byte for byte the one `write_wav` makes of all samples, except for the time of
    day that the float formats store.

    An existing file is replaced when the first samples are appended, at once and whole: a run that fails before any
    sound leaves it alone, and one that never appends a sample makes no file. A symbolic link is followed. Nothing
    keeps two programs from growing the same file; do not do that.

    Args:
        path: The file.
        sample_rate: Samples per second.
        subtype: One of `GROWING_SUBTYPES`. Integer formats clip to [-1, 1].
        like: A file that a new one is as private as.

    Raises:
        SettingsError: An unknown subtype.
        AudioFileError: Nothing can be written there.
    """

    def __init__(self, path: PathLike, sample_rate: int, subtype: str = "PCM_16", *, like: Path | None = None) -> None:
        self._name, self._like = os.fspath(path), like
        self._layout = _layout(sample_rate, subtype)
        self._target = _writable_target(path)
        self._samples = 0
        self._peak = _Peak()
        self._descriptor: int | None = None
        self._closed = False
        self._digest, self._piece_digest = hashlib.sha256(), hashlib.sha256()

    @classmethod
    def resume(cls, path: PathLike, keep_samples: int) -> Self:
        """Reopen a file that a `IncrementalWavWriter` or `write_wav` wrote, and go on after its first `keep_samples`.

        What follows them is cut off at once; rate and subtype are those of the file.

        Args:
            path: The file.
            keep_samples: Samples to keep.

        Raises:
            AudioFileError: The file is missing, cannot be changed, is not a mono WAV as this class writes them, or
                holds fewer samples.
        """
        with contextlib.ExitStack() as cleanup:
            try:
                descriptor = os.open(path, os.O_RDWR)
                cleanup.callback(os.close, descriptor)
                layout, held = _read_header(descriptor, path)
                _require_held(keep_samples, held, path)
                wav = cls(path, layout.sample_rate, layout.subtype)
                wav._samples, wav._peak = keep_samples, _peak_of(descriptor, layout, keep_samples)
                wav._settle(descriptor)
                for block in _stored_blocks(descriptor, layout, 0, keep_samples):
                    wav._digest.update(block)
            except OSError as error:
                raise AudioFileError(
                    f"{path} cannot be continued: {error.strerror}.",
                    hint="Check the file, or start from the beginning.",
                ) from error
            wav._descriptor = descriptor
            cleanup.pop_all()
        return wav

    @property
    def sample_rate(self) -> int:
        """Samples per second."""
        return self._layout.sample_rate

    @property
    def samples(self) -> int:
        """Samples in the file, those kept by `resume` included."""
        return self._samples

    @property
    def duration_s(self) -> float:
        """Seconds of audio in the file."""
        return self._samples / self._layout.sample_rate

    @property
    def data_sha256(self) -> str:
        """SHA-256 of all samples as they stand in the file, those kept by `resume` included."""
        return self._digest.hexdigest()

    def take_digest(self) -> str:
        """Return the SHA-256 of the samples that were appended since this was asked last, as they stand in the file."""
        digest, self._piece_digest = self._piece_digest.hexdigest(), hashlib.sha256()
        return digest

    def append(self, samples: npt.NDArray[np.floating]) -> None:
        """Add samples; when this returns they can be read from the file.

        Args:
            samples: `(samples,)` float32 or float64; none is allowed and does nothing.

        Raises:
            AudioFileError: The samples are not finite, the file would be larger than 4 GiB, the disk is full, or
                another program has put another file in its place. The file is as before.
            ValueError: The file is closed.
        """
        if self._closed:
            raise ValueError("This file is closed.")
        assert samples.ndim == 1, "GPA speaks mono"
        if not len(samples):
            return
        if self._samples + len(samples) > self._layout.max_samples:
            raise AudioFileError(
                f"{self._name} cannot grow beyond {self.duration_s / 3600:.1f} h: a WAV file has at most 4 GiB.",
                hint="Go on in another file, or use a smaller sample format.",
            )
        if self._descriptor is None:
            rate, subtype = self._layout.sample_rate, self._layout.subtype
            write_wav(self._name, samples, rate, subtype=subtype, like=self._like)
            self._descriptor = self._reopened()
            self._samples, self._peak = len(samples), _Peak().joined(samples, 0)
            content = self._layout.encode(samples)
        else:
            _require_finite(self._name, samples)
            self._require_in_place(self._descriptor)
            content = self._layout.encode(samples)
            self._grow(self._descriptor, samples, content)
        self._digest.update(content)
        self._piece_digest.update(content)

    def close(self) -> None:
        """End the file; further calls do nothing.

        Raises:
            AudioFileError: The file system reports only now that it could not store the file.
        """
        self._closed = True
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            try:
                os.close(descriptor)
            except OSError as error:
                self._fail(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reopened(self) -> int:
        try:
            return os.open(self._target, os.O_RDWR)
        except OSError as error:
            self._fail(error)

    def _require_in_place(self, descriptor: int) -> None:
        """Refuse to write on into a file that nobody can find any more."""
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), self._target.stat()):
                return
        raise AudioFileError(
            f"{self._name} was moved, removed or replaced by another program while it was written.",
            hint="Write to another file, or start from the beginning.",
        )

    def _grow(self, descriptor: int, samples: npt.NDArray[np.floating], content: bytes) -> None:
        start, total = self._samples, self._samples + len(samples)
        peak = self._peak.joined(samples, start)
        padding = bytes(self._layout.end(total) - self._layout.data_end(total))
        try:
            _write_at(descriptor, content + padding, self._layout.data_end(start))
            _write_at(descriptor, self._layout.header(total, peak), 0)
        except BaseException as error:
            # If even that fails, the header still tells where the audio ends.
            with contextlib.suppress(OSError):
                self._settle(descriptor)
            if isinstance(error, OSError):
                self._fail(error)
            raise
        self._samples, self._peak = total, peak

    def _settle(self, descriptor: int) -> None:
        """Take away everything after the present samples."""
        _write_at(descriptor, self._layout.header(self._samples, self._peak), 0)
        # Cut and extended again, so that the byte that makes the size even is 0.
        os.ftruncate(descriptor, self._layout.data_end(self._samples))
        os.ftruncate(descriptor, self._layout.end(self._samples))

    def _fail(self, error: OSError) -> NoReturn:
        raise AudioFileError(
            f"{self._name} cannot be written any further: {error.strerror}; it holds {self.duration_s:.1f} s.",
            hint=_hint(error),
        ) from error


class StoredSamples:
    """The samples of a WAV file as `IncrementalWavWriter` writes them, or of a file with nothing else, as bytes.

    A context manager.

    Args:
        path: The file.
        subtype: Of a file without a header; None reads the header.

    Attributes:
        sample_rate: Samples per second; 0 of a file without a header.
        subtype: Sample format as libsndfile spells it.
        sample_bytes: Bytes of a sample.
        samples: How many there are.

    Raises:
        AudioFileError: It cannot be read, or is not a mono WAV as that class writes them.
    """

    def __init__(self, path: Path, subtype: str | None = None) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise AudioFileError(f"{path} cannot be read: {error.strerror}.", hint="Check the file.") from error
        try:
            if subtype is None:
                self._layout, self.samples = _read_header(self._descriptor, path)
                self._start = self._layout.header_bytes
            else:
                self._layout, self._start = _layout(0, subtype), 0
                self.samples = os.fstat(self._descriptor).st_size // self._layout.sample_bytes
        except BaseException:
            self.close()
            raise
        self.sample_rate = self._layout.sample_rate
        self.subtype = self._layout.subtype
        self.sample_bytes = self._layout.sample_bytes

    def blocks(self, start: int, count: int) -> Iterator[bytes]:
        """Yield the bytes of some samples in pieces; fewer come where the file ends."""
        return _stored_blocks(self._descriptor, self._layout, start, count, self._start)

    def read(self, start: int, count: int) -> npt.NDArray[np.float32]:
        """Return some samples, `(count,)` float32; writing them again gives the same bytes."""
        content = io.BytesIO(b"".join(self.blocks(start, count)))
        samples, _ = soundfile.read(
            content,
            dtype="float32",
            format="RAW",
            subtype=self.subtype,
            samplerate=self.sample_rate or 1,
            channels=1,
            endian="LITTLE",
        )
        return np.asarray(samples, dtype=np.float32)

    def digest(self, start: int, count: int) -> str:
        """Return the SHA-256 of the bytes of some samples."""
        digest = hashlib.sha256()
        for block in self.blocks(start, count):
            digest.update(block)
        return digest.hexdigest()

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class WavStreamWriter:
    """WAV audio for a pipe, whose length nobody knows when its header is written.

    All sizes in the header are 0xFFFFFFFF, which stands for "until the end of the stream": the convention of ffmpeg's
    WAV output to a pipe, which ffmpeg, sox, libsndfile and this package read. The header goes out with the first
    samples. A stream may be longer than 4 GiB. Where the output is a file after all, as for `> out.wav`, `finish` puts
    the sizes right.

    Args:
        file: Where to write, opened for bytes and buffered: `sys.stdout.buffer`. It is not closed.
        sample_rate: Samples per second.
        subtype: One of `GROWING_SUBTYPES`. Integer formats clip to [-1, 1].

    Raises:
        SettingsError: An unknown subtype.
    """

    def __init__(self, file: BinaryIO, sample_rate: int, subtype: str = "PCM_16") -> None:
        self._file = file
        self._layout = _layout(sample_rate, subtype)
        self._samples = 0
        self._start: int | None = None

    @property
    def duration_s(self) -> float:
        """Seconds of audio written."""
        return self._samples / self._layout.sample_rate

    def append(self, samples: npt.NDArray[np.floating]) -> None:
        """Write samples and flush them.

        Args:
            samples: `(samples,)` float32; none is allowed and does nothing.

        Raises:
            BrokenPipeError: Nobody reads any more, which is the usual end of a pipe.
            AudioFileError: The samples are not finite, or the output cannot be written.
        """
        assert samples.ndim == 1, "GPA speaks mono"
        if not len(samples):
            return
        _require_finite("The audio", samples)
        content = self._layout.encode(samples)
        if not self._samples:
            self._start = _place_in_file(self._file)
            content = self._layout.stream_header() + content
        try:
            self._file.write(content)
            self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise AudioFileError(
                f"The audio cannot be written any further: {error.strerror}.", hint=_hint(error)
            ) from error
        self._samples += len(samples)

    def finish(self) -> None:
        """Put the sizes in the header right if the output is a file that can be changed, and do nothing otherwise."""
        layout, total = self._layout, self._samples
        if self._start is None or not total or total > layout.max_samples:
            return
        header = layout.stream_header()
        data_bytes = total * layout.sample_bytes
        with contextlib.suppress(OSError):  # the sizes say "until the end", which readers understand as well
            if data_bytes % 2:
                self._file.write(b"\0")
                self._file.flush()
            descriptor = self._file.fileno()
            riff_bytes = len(header) - 8 + data_bytes + data_bytes % 2
            _write_at(descriptor, struct.pack("<I", riff_bytes), self._start + 4)
            if layout.subtype in _FLOAT_DTYPES:
                _write_at(descriptor, struct.pack("<I", total), self._start + _HEAD_BYTES + 8)
            _write_at(descriptor, struct.pack("<I", data_bytes), self._start + len(header) - 4)


def _place_in_file(file: BinaryIO) -> int | None:
    """Return where an output stands, if it is a regular file that is not only appended to; None otherwise."""
    try:
        descriptor = file.fileno()
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND:
            return None
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    except (OSError, ValueError):
        return None


def _layout(sample_rate: int, subtype: str) -> _Layout:
    if subtype not in GROWING_SUBTYPES:
        raise SettingsError(
            f"'{subtype}' is not a sample format that audio can be streamed in.",
            hint=f"Choose one of {', '.join(GROWING_SUBTYPES)}.",
        )
    return _Layout(sample_rate, subtype)


def _writable_target(path: PathLike) -> Path:
    """Find out before the work what can be known about the place without touching it."""
    target = target_of(path)
    if target.exists() and not target.is_file():
        raise AudioFileError(f"{path} is not a regular file.", hint="Give the name of a WAV file.")
    if not target.parent.is_dir():
        raise AudioFileError(f"{path} cannot be written: its folder does not exist.", hint="Create the folder first.")
    if not os.access(target.parent, os.W_OK):
        raise AudioFileError(
            f"{path} cannot be written: its folder may not be changed.", hint="Choose another place for the output."
        )
    return target


def _require_finite(name: str, samples: npt.NDArray[np.floating]) -> None:
    if not np.isfinite(samples).all():
        raise AudioFileError(f"{name} is not written: its samples are not finite.", hint="Produce the audio again.")


def _hint(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "Free some space there, or choose another place for the output."
    return "Choose another place for the output."


def _read_header(descriptor: int, path: PathLike) -> tuple[_Layout, int]:
    """Return the layout of a file with the chunks this module writes, and how many samples it holds."""
    start = os.pread(descriptor, _MAX_HEADER_BYTES, 0)
    for subtype in GROWING_SUBTYPES:
        layout = _Layout(int.from_bytes(start[24:28], "little"), subtype)
        if layout.sample_rate and layout.describes(start):
            stated = int.from_bytes(start[layout.header_bytes - 4 : layout.header_bytes], "little")
            # A crash of the whole machine can leave a file shorter than its header says.
            stored = min(stated, os.fstat(descriptor).st_size - layout.header_bytes)
            return layout, stored // layout.sample_bytes
    raise AudioFileError(
        f"{path} is not a WAV file that can be continued: it is damaged or was written by another program.",
        hint="Start from the beginning, in another file if this one is needed.",
    )


def _require_held(keep_samples: int, held: int, path: PathLike) -> None:
    if not 0 <= keep_samples <= held:
        raise AudioFileError(
            f"{path} holds {held} samples, of which {keep_samples} are to be kept.", hint="Start from the beginning."
        )


def _peak_of(descriptor: int, layout: _Layout, samples: int) -> _Peak:
    """Find the peak of the first samples of a float file; integer files do not state theirs."""
    peak = _Peak()
    if layout.subtype not in _FLOAT_DTYPES:
        return peak
    for start in range(0, samples, _PEAK_BLOCK_SAMPLES):
        count = min(_PEAK_BLOCK_SAMPLES, samples - start)
        content = os.pread(descriptor, count * layout.sample_bytes, layout.data_end(start))
        peak = peak.joined(np.frombuffer(content, dtype=_FLOAT_DTYPES[layout.subtype]), start)
    return peak


def _stored_blocks(
    descriptor: int, layout: _Layout, start: int, count: int, first_byte: int | None = None
) -> Iterator[bytes]:
    """Yield the bytes of some samples; the first one of the file is at `first_byte`, else where the header ends."""
    first_byte = layout.header_bytes if first_byte is None else first_byte
    position = first_byte + start * layout.sample_bytes
    rest = count * layout.sample_bytes
    while rest and (block := os.pread(descriptor, min(rest, _BLOCK_BYTES), position)):
        yield block
        position += len(block)
        rest -= len(block)


def _write_at(descriptor: int, content: bytes, offset: int) -> None:
    """Write everything; one call to the system may write a part."""
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest = rest[written:]
        offset += written
