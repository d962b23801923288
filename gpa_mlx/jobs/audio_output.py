"""Tagged files of generated audio: the one place that checks, writes, encodes and tags them."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from gpa_mlx.audio.files.incremental_wav import IncrementalWavWriter
from gpa_mlx.audio.files.output_formats import DEFAULT_SUBTYPE, output_format
from gpa_mlx.errors import AudioFileError, GPAError, SettingsError
from gpa_mlx.provenance.tagging import encode_file, forget_record, require_free_sidecar, sidecar_of, tag_file
from gpa_mlx.provenance.verification import is_tagged
from gpa_mlx.synthesis.checkpoint import forget_checkpoint
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from gpa_mlx.provenance.metadata import GenerationMetadata
    from gpa_mlx.types import Waveform


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTarget:
    """A file to write.

    Attributes:
        path: The file; its ending says which of `OUTPUT_FORMATS` it is.
        subtype: Sample format as libsndfile spells it, of a format that has a choice of them.
        sidecar: Whether a record of how the audio was generated is written beside it.
    """

    path: Path
    subtype: str = "PCM_16"
    sidecar: bool = True

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that will be written."""
        return (self.path, sidecar_of(self.path)) if self.sidecar else (self.path,)

    @property
    def growing_path(self) -> Path:
        """The WAV file that grows while audio is generated: the file itself, or a hidden one beside it."""
        if output_format(self.path).encode is None:
            return self.path
        return self.path.with_name(f".{self.path.name}.unfinished.wav")

    @property
    def replaces_foreign(self) -> bool:
        """Whether a file is there that nothing says this program made."""
        return self.path.exists() and not is_tagged(self.path)

    def check(self, *inputs: Path) -> None:
        """Refuse before the work what cannot be written.

        Args:
            inputs: Files that must survive.

        Raises:
            SettingsError: No format has this ending or this sample format, the file is one of the inputs, or the
                record would replace something else.
            AudioFileError: Nothing can be written there, or nothing here can encode the format.
        """
        path = self.path
        kind = output_format(path)
        if self.subtype not in (kind.subtypes or (DEFAULT_SUBTYPE,)):
            title = f"{kind.title[0].upper()}{kind.title[1:]}"
            if kind.subtypes:
                raise SettingsError(f"{title} has no {self.subtype}.", hint=f"Choose {' or '.join(kind.subtypes)}.")
            raise SettingsError(f"{title} has no sample format to choose.", hint="Leave out --subtype.")
        kind.check()
        if path.is_dir():
            raise AudioFileError(f"{path} is a directory.", hint=f"Give the name of {kind.title}.")
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


class TaggedWriter:
    """Incremental writer of a file that is tagged when it is complete; a context manager.

    A WAV file grows in its place, and with its first samples what an earlier run left beside it is removed: its record
    and its checkpoint. Another format is encoded from a hidden WAV file, which grows instead, when that is complete or,
    without a tag, when it is closed before and nothing will go on with it; until then the file stays as it was.

    Args:
        target: What to write.
        resumed: The growing file, opened to go on after what it holds; owned from now on. None begins a new one.
        has_checkpoint: There is a checkpoint, and it is this run's.

    Raises:
        SettingsError: An unknown subtype.
        AudioFileError: Nothing can be written there.
    """

    def __init__(
        self, target: AudioTarget, resumed: IncrementalWavWriter | None = None, *, has_checkpoint: bool = False
    ) -> None:
        self._target = target
        self._has_checkpoint = has_checkpoint
        self._kind = output_format(target.path)
        self._is_encoded = self._kind.encode is not None
        self._is_new = resumed is None
        self._is_open = True
        self._file = resumed or IncrementalWavWriter(
            target.growing_path, SAMPLE_RATE_HZ, target.subtype, like=target.path
        )

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
            if not self._is_encoded:
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
        self._is_open = False
        self._file.close()
        target, digest = self._target, self._file.data_sha256
        if self._is_encoded:
            encode_file(
                target.growing_path,
                target.path,
                self._kind,
                metadata,
                sidecar=target.sidecar,
                data_sha256=digest,
            )
            target.growing_path.unlink(missing_ok=True)
        else:
            tag_file(target.path, metadata, sidecar=target.sidecar, data_sha256=digest)

    def close(self) -> None:
        """Leave what there is, without a tag unless it was finished; further calls do nothing.

        Raises:
            AudioFileError: It cannot be written.
        """
        is_first, self._is_open = self._is_open, False
        self._file.close()
        if is_first and self._is_encoded and not self._has_checkpoint and self._file.samples:
            encode_file(self._target.growing_path, self._target.path, self._kind, None)
            self._target.growing_path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What stopped the work is what should be told; the hidden file stays where this fails.
        with contextlib.suppress(*((GPAError,) if error is not None else ())):
            self.close()


def write_tagged(target: AudioTarget, audio: Waveform, metadata: GenerationMetadata) -> None:
    """Write generated audio that is complete, `(samples,)` float32 at 16 kHz, and tag the file.

    Raises:
        SettingsError: An unknown subtype.
        AudioFileError: Nothing can be written there.
        GPAError: The record cannot be written.
    """
    with TaggedWriter(target) as file:
        file.append(audio)
        file.finish(metadata)
