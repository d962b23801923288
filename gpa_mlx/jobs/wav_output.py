"""Tagged WAV files of generated audio: the one place that checks, writes and tags them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from gpa_mlx.audio.files.incremental_wav import IncrementalWavWriter
from gpa_mlx.audio.files.wav import write_wav
from gpa_mlx.errors import AudioFileError, SettingsError
from gpa_mlx.provenance.tagging import forget_record, require_free_sidecar, sidecar_of, tag_file
from gpa_mlx.synthesis.checkpoint import forget_checkpoint
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from gpa_mlx.provenance.metadata import GenerationMetadata
    from gpa_mlx.types import Waveform

_SUFFIXES = (".wav", ".wave")


@dataclass(frozen=True, slots=True, kw_only=True)
class WavTarget:
    """A WAV file to write.

    Attributes:
        path: The file.
        subtype: Sample format as libsndfile spells it.
        sidecar: Whether a record of how the audio was generated is written beside it.
    """

    path: Path
    subtype: str = "PCM_16"
    sidecar: bool = True

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that will be written."""
        return (self.path, sidecar_of(self.path)) if self.sidecar else (self.path,)

    def check(self, *inputs: Path) -> None:
        """Refuse before the work what cannot be written.

        Args:
            inputs: Files that must survive.

        Raises:
            SettingsError: Not a WAV file's name, one of the inputs, or the record would replace something else.
            AudioFileError: Nothing can be written there.
        """
        path = self.path
        if path.suffix.lower() not in _SUFFIXES:
            raise SettingsError(f"The output '{path}' does not end in .wav.", hint="Only WAV files are written.")
        if path.is_dir():
            raise AudioFileError(f"{path} is a directory.", hint="Give the name of a WAV file.")
        if path.exists() and any(path.samefile(file) for file in inputs):
            raise SettingsError(f"{path} is also an input.", hint="Write to another file.")
        try:
            # Asking the permission bits is not enough: the file system may be full or read-only.
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise AudioFileError(
                f"{path} cannot be written: {error.strerror or error}.", hint="Choose another place for the output."
            ) from error
        if self.sidecar:
            require_free_sidecar(path)


class TaggedWavWriter:
    """Incremental writer of a WAV file that is tagged when it is complete; a context manager.

    With its first samples, what an earlier run left beside the file is removed: its record and its checkpoint.

    Args:
        target: What to write.
        resumed: The file, opened to go on after what it holds; owned from now on. None begins a new one.
        has_checkpoint: There is a checkpoint, and it is this run's.

    Raises:
        SettingsError: An unknown subtype.
        AudioFileError: Nothing can be written there.
    """

    def __init__(
        self, target: WavTarget, resumed: IncrementalWavWriter | None = None, *, has_checkpoint: bool = False
    ) -> None:
        self._target = target
        self._has_checkpoint = has_checkpoint
        self._is_new = resumed is None
        self._file = resumed or IncrementalWavWriter(target.path, SAMPLE_RATE_HZ, target.subtype)

    @property
    def duration_s(self) -> float:
        """Seconds of audio in the file."""
        return self._file.duration_s

    def append(self, audio: Waveform) -> None:
        """Add `(samples,)` float32; when this returns they can be read from the file.

        Raises:
            AudioFileError: They cannot be written.
        """
        if self._is_new and len(audio):
            self._is_new = False
            if not self._has_checkpoint:
                forget_checkpoint(self._target.path)
            forget_record(self._target.path)
        self._file.append(audio)

    def take_digest(self) -> str:
        """Return the SHA-256 of the samples that were appended since this was asked last, as they stand in the file."""
        return self._file.take_digest()

    def finish(self, metadata: GenerationMetadata) -> None:
        """Close the file, tag it, and write its record.

        Raises:
            AudioFileError: It cannot be tagged, or another program has changed it.
            GPAError: The record cannot be written.
        """
        self._file.close()
        digest = self._file.data_sha256
        tag_file(self._target.path, metadata, sidecar=self._target.sidecar, data_sha256=digest)

    def close(self) -> None:
        """Leave the file as it is, without a tag unless it was finished; further calls do nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_tagged_wav(target: WavTarget, audio: Waveform, metadata: GenerationMetadata) -> None:
    """Write generated audio that is complete, `(samples,)` float32 at 16 kHz, and tag the file.

    Raises:
        SettingsError: An unknown subtype.
        AudioFileError: Nothing can be written there.
        GPAError: The record cannot be written.
    """
    write_wav(target.path, audio, SAMPLE_RATE_HZ, subtype=target.subtype)
    forget_checkpoint(target.path)
    forget_record(target.path)
    tag_file(target.path, metadata, sidecar=target.sidecar)
