"""Formats that generated speech is written in: a registry, with what each needs.

WAV grows while the speech is made. Every other format is encoded from a finished WAV file, block by block: an
interrupted run can go on, and no file is ever held in memory.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

import soundfile

from gpa_mlx.audio.files import mp4_tags
from gpa_mlx.audio.files.incremental_wav import GROWING_SUBTYPES, StoredSamples
from gpa_mlx.audio.files.output_endings import OUTPUT_ENDINGS, USUAL_ENDINGS
from gpa_mlx.audio.files.tagged_content import COMMENT, SOFTWARE, seal_ogg
from gpa_mlx.errors import AudioFileError, SettingsError
from gpa_mlx.store.files import is_full

DEFAULT_SUBTYPE = "PCM_16"

_BLOCK_SAMPLES = 1 << 14
_MOST_HEAD_BYTES = 1 << 16
_TIMEOUT_S = 3600.0

Retag = Callable[[Path, str, str], None]
"""Puts another comment of the same length into an encoded file: its path, the old comment, and the new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFormat:
    """A format.

    Attributes:
        title: For people, with its article.
        suffixes: Endings of file names, the usual one first.
        subtypes: Sample formats to choose from; empty where there is no choice.
        codec: What the record calls a format without sample formats.
        encode: Writes a file with tags from the samples of a WAV file; None where the WAV file is the result.
        retag: See `Retag`.
        check: Raises `AudioFileError` where nothing here can encode it.
    """

    title: str
    suffixes: tuple[str, ...]
    subtypes: tuple[str, ...] = ()
    codec: str = ""
    encode: Callable[[Path, Path, str, dict[str, str]], None] | None = None
    retag: Retag | None = None
    check: Callable[[], None] = lambda: None


def output_format(path: Path) -> OutputFormat:
    """Return the format that a file's name asks for.

    Raises:
        SettingsError: None that can be written.
    """
    suffix = path.suffix.lower()
    for kind in OUTPUT_FORMATS.values():
        if suffix in kind.suffixes:
            return kind
    raise SettingsError(
        f"The output '{path}' does not end like a format that can be written.",
        hint=f"Give the output one of the endings {', '.join(USUAL_ENDINGS)}.",
    )


def _sound_file_encoder(container: str, codec: str) -> Callable[[Path, Path, str, dict[str, str]], None]:
    """Return an encoder of libsndfile; without a codec, it takes the sample format that is asked for."""

    def encode(source: Path, target: Path, subtype: str, tags: dict[str, str]) -> None:
        try:
            with (
                StoredSamples(source) as samples,
                soundfile.SoundFile(
                    target, "w", samples.sample_rate, 1, subtype=codec or subtype, format=container
                ) as sound,
            ):
                if tags:
                    sound.software, sound.comment = tags[SOFTWARE], tags[COMMENT]
                for start in range(0, samples.samples, _BLOCK_SAMPLES):
                    sound.write(samples.read(start, min(_BLOCK_SAMPLES, samples.samples - start)))
        except soundfile.LibsndfileError as error:
            raise _not_encoded(target, f"libsndfile says: {error.error_string.rstrip('.')}") from error

    return encode


def _not_encoded(target: Path, complaint: str) -> AudioFileError:
    """Return the error for a file that could not be written; what an encoder says of a full disk is anything else."""
    if is_full(target.parent):
        return AudioFileError(
            f"The speech cannot be written: the disk of {target.parent.absolute()} is full.",
            hint="Free some space there, or choose another place for the output.",
        )
    return AudioFileError(
        f"The speech cannot be encoded; {complaint}.", hint="Write a WAV file, or choose another place for the output."
    )


def _sound_file_check(container: str, codec: str) -> Callable[[], None]:
    def check() -> None:
        if codec not in soundfile.available_subtypes(container):
            raise AudioFileError(
                f"This system's libsndfile cannot write {container}.",
                hint="Install a newer one (1.1 or later), or write another format.",
            )

    return check


def _retag_head(path: Path, old: str, new: str) -> None:
    with path.open("r+b") as file:
        place = _replace_comment(file, old, new)
        if _is_ogg(file):
            seal_ogg(file, place)


def _replace_comment(file: BinaryIO, old: str, new: str) -> int:
    assert len(old) == len(new), "both have digests of the same length"
    place = file.read(_MOST_HEAD_BYTES).find(old.encode())
    assert place >= 0, "the encoder has written its tag"
    file.seek(place)
    file.write(new.encode())
    return place


def _is_ogg(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(4) == b"OggS"


# AAC: the one place that runs encoders ---------------------------------------------------------------------------


AacContainer: TypeAlias = Literal["m4a", "adts"]


def _afconvert(program: str, source: Path, target: Path, container: AacContainer) -> list[str]:
    return [program, "-f", {"m4a": "m4af", "adts": "adts"}[container], "-d", "aac", str(source), str(target)]


def _ffmpeg(program: str, source: Path, target: Path, container: AacContainer) -> list[str]:
    return [
        *(program, "-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-protocol_whitelist", "file"),
        *("-f", "wav", "-i", f"file:{source}", "-map", "0:a:0", "-map_metadata", "-1", "-fflags", "+bitexact"),
        *("-c:a", "aac", "-b:a", "64k", "-f", {"m4a": "ipod", "adts": "adts"}[container], f"file:{target}"),
    ]


_AAC_ENCODERS: dict[str, Callable[[str, Path, Path, AacContainer], list[str]]] = {
    "afconvert": _afconvert,
    "ffmpeg": _ffmpeg,
}
"""In the order in which they are tried: how to encode a WAV file."""


def _installed_encoders() -> Iterator[list[str]]:
    for name in _AAC_ENCODERS:
        if found := shutil.which(name):
            yield [name, found]


def check_aac() -> None:
    """Raise `AudioFileError` where nothing here can encode AAC."""
    if not any(_installed_encoders()):
        raise AudioFileError(
            "AAC is encoded by `afconvert` (macOS) or `ffmpeg`, and neither is installed.",
            hint="Install ffmpeg (`apt install ffmpeg`), or write another format.",
        )


def _encode_m4a(source: Path, target: Path, _subtype: str, tags: dict[str, str]) -> None:
    _encode_aac(source, target, "m4a", lambda: _tag_mp4(target, tags))


def adts_of(source: Path) -> bytes:
    """Return a WAV file as AAC in ADTS frames, which have no place for a tag.

    Raises:
        AudioFileError: Nothing here can encode it.
    """
    target = source.with_suffix(".aac")
    _encode_aac(source, target, "adts")
    return target.read_bytes()


def _encode_aac(source: Path, target: Path, container: AacContainer, finish: Callable[[], None] = lambda: None) -> None:
    check_aac()
    complaints: list[str] = []
    for name, program in _installed_encoders():
        command = _AAC_ENCODERS[name](program, source.absolute(), target.absolute(), container)
        try:
            # On any exception, an interrupt too, `run` kills the program before it goes on.
            result = subprocess.run(  # noqa: S603 - a list of arguments, no shell
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            complaints.append(f"{name}: {error}")
            continue
        if result.returncode == 0 and target.is_file():
            try:
                finish()
            except ValueError as error:  # on a full disk, a program may leave half a file and call it a success
                complaints.append(f"what {name} wrote is damaged: {error}")
                continue
            return
        said = result.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {result.returncode}"]
        complaints.append(f"{name} says: {said[-1][:200].rstrip('.')}")
    raise _not_encoded(target, "; ".join(complaints))


def _tag_mp4(path: Path, tags: dict[str, str]) -> None:
    with path.open("r+b") as file:
        mp4_tags.write_tags(file, {mp4_tags.SOFTWARE: tags[SOFTWARE], mp4_tags.COMMENT: tags[COMMENT]} if tags else {})


def _retag_mp4(path: Path, _old: str, new: str) -> None:
    with path.open("r+b") as file:
        tags = mp4_tags.read_tags(file)
        mp4_tags.write_tags(file, {**tags, mp4_tags.COMMENT: new})


OUTPUT_FORMATS: dict[str, OutputFormat] = {
    "wav": OutputFormat(title="a WAV file", suffixes=OUTPUT_ENDINGS["wav"], subtypes=GROWING_SUBTYPES),
    "flac": OutputFormat(
        title="a FLAC file",
        suffixes=OUTPUT_ENDINGS["flac"],
        subtypes=("PCM_16", "PCM_24"),
        encode=_sound_file_encoder("FLAC", ""),
        retag=_retag_head,
        check=_sound_file_check("FLAC", "PCM_16"),
    ),
    "mp3": OutputFormat(
        title="an MP3 file",
        suffixes=OUTPUT_ENDINGS["mp3"],
        codec="MPEG_LAYER_III",
        encode=_sound_file_encoder("MP3", "MPEG_LAYER_III"),
        retag=_retag_head,
        check=_sound_file_check("MP3", "MPEG_LAYER_III"),
    ),
    "ogg": OutputFormat(
        title="an Ogg Vorbis file",
        suffixes=OUTPUT_ENDINGS["ogg"],
        codec="VORBIS",
        encode=_sound_file_encoder("OGG", "VORBIS"),
        retag=_retag_head,
        check=_sound_file_check("OGG", "VORBIS"),
    ),
    "opus": OutputFormat(
        title="an Opus file",
        suffixes=OUTPUT_ENDINGS["opus"],
        codec="OPUS",
        encode=_sound_file_encoder("OGG", "OPUS"),
        retag=_retag_head,
        check=_sound_file_check("OGG", "OPUS"),
    ),
    "m4a": OutputFormat(
        title="an M4A file",
        suffixes=OUTPUT_ENDINGS["m4a"],
        codec="AAC",
        encode=_encode_m4a,
        retag=_retag_mp4,
        check=check_aac,
    ),
}
"""By name. What else is listed in `--help`, in messages and in the app follows from this."""
