"""Tagging finished files, and the records beside them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gpa_mlx.audio.files.wav_info import append_info, read_wav
from gpa_mlx.errors import AudioFileError, GPAError, SettingsError
from gpa_mlx.provenance.metadata import (
    PROGRAM,
    GenerationMetadata,
    ModelIdentity,
    Provenance,
    Sound,
    VoiceIdentity,
    digest_of_text,
)
from gpa_mlx.store.files import write_atomically
from gpa_mlx.store.manifest import read_manifest, sha256_of
from gpa_mlx.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gpa_mlx.audio.files.wav_info import WavContent
    from gpa_mlx.types import Voice

_MAX_SIDECAR_BYTES = 1 << 24


def identify_model(directory: Path, adapter_files: Sequence[Path] = ()) -> ModelIdentity:
    """Return which weights a directory holds, as its manifest states them.

    Args:
        directory: A converted model.
        adapter_files: The files of an adapter, if one is used.

    Raises:
        ModelNotFoundError: There is no such directory.
        ModelFormatError: Not a converted model.
        OSError: A file of the adapter cannot be read.
    """
    manifest = read_manifest(directory)
    adapter = {file.name: sha256_of(file) for file in adapter_files}
    return ModelIdentity(
        name=_unicode(manifest.model_name),
        family=_unicode(manifest.model_family),
        sha256=_digest_of_files({name: info.sha256 for name, info in manifest.files.items()}),
        adapter_sha256=_digest_of_files(adapter) if adapter else None,
    )


def identify_voice(voice: Voice) -> VoiceIdentity:
    """Return who a voice is."""
    return VoiceIdentity(name=_unicode(voice.name), sha256=identify_codes(voice.global_tokens))


def identify_codes(codes: Sequence[int]) -> str:
    """Return the digest of speaker codes."""
    return digest_of_text(" ".join(map(str, codes)))


def sidecar_of(path: Path) -> Path:
    """Return where the record of a file is: `OUT.wav.json` for `OUT.wav`."""
    return path.with_name(f"{path.name}.json")


def tag_file(
    path: Path, metadata: GenerationMetadata, *, sidecar: bool = True, data_sha256: str | None = None
) -> Provenance:
    """Tag a finished file and write its record beside it.

    Args:
        path: A WAV file that this program wrote.
        metadata: How it was generated.
        sidecar: Write the record; without it the record of an earlier file of that name is removed.
        data_sha256: Of the samples that were written: what has others is not tagged. None tags what is there.

    Returns:
        The record.

    Raises:
        AudioFileError: The file cannot be read or written, has other samples, or has no room for the tag.
        GPAError: The record cannot be written.
    """
    content = read_wav(path)
    if data_sha256 not in (None, content.data_sha256):
        raise AudioFileError(
            f"{path} was changed by another program while it was written: it is not tagged as ours.",
            hint="Make the file again, under another name if the present one is needed.",
        )
    sound = sound_of(content)
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    provenance = Provenance(version=__version__, created=created, metadata=metadata, sound=sound)
    append_info(path, provenance.tag(recorded=sidecar))
    if sidecar:
        target = sidecar_of(path)
        try:
            write_atomically(target, provenance.to_json())
        except OSError as error:
            raise GPAError(
                f"{target} cannot be written: {error.strerror or error}; {path} is complete.",
                hint="Choose another place for the output, or add --no-sidecar.",
            ) from error
    else:
        forget_record(path)
    return provenance


def require_free_sidecar(path: Path) -> None:
    """Refuse to replace a file that is no record of this program.

    Args:
        path: The WAV file that will be written.

    Raises:
        SettingsError: There is such a file where the record would be.
    """
    target = sidecar_of(path)
    if target.exists() and not _is_record(target):
        raise SettingsError(
            f"{target} would be replaced, and it is not a record of gpa-mlx.",
            hint="Choose another output, move that file away, or add --no-sidecar.",
        )


def forget_record(path: Path) -> None:
    """Remove the record of a file that is being replaced; what is no record of this program stays."""
    target = sidecar_of(path)
    if target.is_file() and _is_record(target):
        target.unlink(missing_ok=True)


def read_sidecar(target: Path) -> bytes:
    """Return the content of what may be a record.

    Raises:
        GPAError: It cannot be read, or is far too large.
    """
    try:
        with target.open("rb") as file:
            content = file.read(_MAX_SIDECAR_BYTES + 1)
    except OSError as error:
        raise GPAError(f"{target} cannot be read: {error.strerror or error}.") from error
    if len(content) > _MAX_SIDECAR_BYTES:
        raise GPAError(f"{target} is not a record of gpa-mlx: it is too large.")
    return content


def sound_of(content: WavContent) -> Sound:
    """Return what sound a file holds, whatever its number of channels."""
    return Sound(
        sha256=content.data_sha256, frames=content.frames, sample_rate=content.sample_rate, subtype=content.subtype
    )


def _is_record(target: Path) -> bool:
    """Return whether a file is meant to be a record, altered or not."""
    try:
        document = json.loads(read_sidecar(target))
    except (GPAError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("program") == PROGRAM


def _digest_of_files(digests: Mapping[str, str]) -> str:
    return digest_of_text("".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())))


def _unicode(name: str) -> str:
    """Return a name that UTF-8 can write; names of files need not be such."""
    return name.encode(errors="replace").decode()
