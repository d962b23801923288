"""Tagging finished files, encoding them in other formats, and the records beside them."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.audio.files.tagged_content import COMMENT, content_of_wav, read_content
from gpa_mlx.audio.files.wav import target_of
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
from gpa_mlx.store.files import mode_for, write_atomically
from gpa_mlx.store.manifest import read_manifest, sha256_of
from gpa_mlx.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpa_mlx.audio.files.output_formats import OutputFormat
    from gpa_mlx.audio.files.tagged_content import TaggedContent
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
    content = _content_written(path, data_sha256)
    sound = Sound(
        sha256=content.sha256,
        frames=content.frames or 0,
        sample_rate=content.sample_rate or 0,
        subtype=content.subtype,
    )
    provenance = Provenance(version=__version__, created=_now(), metadata=metadata, sound=sound)
    append_info(path, provenance.tag(recorded=sidecar))
    _write_record(path, provenance if sidecar else None)
    return provenance


def encode_file(
    source: Path,
    path: Path,
    kind: OutputFormat,
    metadata: GenerationMetadata | None,
    *,
    sidecar: bool = True,
    data_sha256: str | None = None,
) -> Provenance | None:
    """Encode a finished WAV file in another format, tag the result and write its record beside it, atomically.

    The tag has the digest of the encoded sound. So it is written with a digest of nothing, in its place for good, and
    gets the right one when the sound is there.

    Args:
        source: A WAV file that this program wrote.
        path: The file to write; one that is there is replaced when all is done.
        kind: Its format, which is not WAV.
        metadata: How it was generated; None writes neither tag nor record.
        sidecar: As for `tag_file`.
        data_sha256: As for `tag_file`, of `source`.

    Returns:
        The record; None without metadata.

    Raises:
        AudioFileError: A file cannot be read, written or encoded, or `source` has other samples.
        GPAError: The record cannot be written.
    """
    assert kind.encode is not None, "WAV files grow by themselves"
    assert kind.retag is not None, "what is encoded is tagged"
    content = _content_written(source, data_sha256)
    target = target_of(path)
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    provenance = None
    try:
        part.touch(0o600)  # encoders keep the permissions of what they write over
        if metadata is None:
            kind.encode(source, part, content.subtype, {})
        else:
            sound = Sound(
                sha256="0" * 64,
                frames=content.frames or 0,
                sample_rate=content.sample_rate or 0,
                subtype=kind.codec or content.subtype,
            )
            provenance = Provenance(version=__version__, created=_now(), metadata=metadata, sound=sound)
            tags = provenance.tag(recorded=sidecar)
            kind.encode(source, part, content.subtype, tags)
            provenance = replace(provenance, sound=replace(sound, sha256=read_content(part).sha256))
            kind.retag(part, tags[COMMENT], provenance.tag(recorded=sidecar)[COMMENT])
        part.chmod(mode_for(target, source))
        part.replace(target)
    except OSError as error:
        raise AudioFileError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Choose another place for the output."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    _write_record(path, provenance if sidecar else None)
    return provenance


def _content_written(path: Path, data_sha256: str | None) -> TaggedContent:
    """Return what a WAV file holds, if that is what was written."""
    content = content_of_wav(read_wav(path))
    if data_sha256 not in (None, content.sha256):
        raise AudioFileError(
            f"{path} was changed by another program while it was written: it is not tagged as ours.",
            hint="Make the file again, under another name if the present one is needed.",
        )
    return content


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write_record(path: Path, provenance: Provenance | None) -> None:
    """Write the record beside a file; without one, that of an earlier file of the name is removed."""
    if provenance is None:
        forget_record(path)
        return
    target = sidecar_of(path)
    try:
        write_atomically(target, provenance.to_json(), like=path)
    except OSError as error:
        raise GPAError(
            f"{target} cannot be written: {error.strerror or error}; {path} is complete.",
            hint="Choose another place for the output, or add --no-sidecar.",
        ) from error


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
