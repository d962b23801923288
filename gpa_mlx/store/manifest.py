"""`gpa_mlx.json`: what a converted model directory consists of and where it came from."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx.store.config_reader import ConfigReader
from gpa_mlx.store.files import read_limited, write_atomically
from gpa_mlx.store.progress import ByteProgress, Steps, result_of
from gpa_mlx.text.printable import is_printable, to_json

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

MANIFEST_NAME = "gpa_mlx.json"
FORMAT_VERSION = 1
"""Raised whenever a directory written now could not be read by the previous release."""

DEFAULT_ARCHITECTURE = "gpa"
"""What directories are that do not say it: those of earlier releases."""

_CHUNK_BYTES = 1 << 20
_GIVE_CONVERTED = "Give the directory that `gpa-mlx convert` wrote."
_CONVERT_AGAIN = "Convert the model again."


@dataclass(frozen=True, slots=True)
class UpstreamSource:
    """Where the weights came from.

    Attributes:
        location: Hub repository id or local path, as given to the converter.
        revision: Resolved commit of the hub repository; None for a local path.
        sha256: Checksum of every upstream file that was read, by path relative to the upstream directory.
    """

    location: str
    revision: str | None
    sha256: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartInfo:
    """One network of the model.

    Attributes:
        dtype: `float32`, `bfloat16` or `float16`: of the weights, or of the scales where they are quantised.
        bits: Bits per quantised weight; None when nothing is quantised.
        tensors: Number of tensors, before quantisation.
        parameters: Number of parameters, before quantisation.
    """

    dtype: str
    bits: int | None
    tensors: int
    parameters: int


@dataclass(frozen=True, slots=True)
class FileInfo:
    """One file of the directory.

    Attributes:
        size: Bytes.
        sha256: Checksum, hexadecimal.
    """

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of `gpa_mlx.json`.

    Attributes:
        format_version: Layout of the directory, see `FORMAT_VERSION`.
        converter_version: Release of gpa-mlx that wrote it.
        model_family: Voices can be exchanged between models of one family: those that share a BiCodec.
        model_name: Name for people.
        source: Where the weights came from.
        parts: By name: `lm`, `glm_tokenizer`, `wav2vec2`, `bicodec`.
        files: By path relative to the directory, with forward slashes; the manifest itself is not listed.
        speech_repetition_penalty: What `speak` and `vc` use unless told otherwise; None is the reference's 1.2, which
            suits thousands of codes and not a few hundred.
        speech_max_chars: Longer texts are spoken in passages shorter than this many characters; None leaves it to the
            program.
        max_segment_s: Longer recordings are transcribed and converted in segments of at most this; None leaves it to
            the program.
        words: All words that the model can say and understand; None where it knows any.
        architecture: The kind of network, a key of `gpa_mlx.model.registry.FAMILIES`.
    """

    format_version: int
    converter_version: str
    model_family: str
    model_name: str
    source: UpstreamSource
    parts: Mapping[str, PartInfo]
    files: Mapping[str, FileInfo]
    speech_repetition_penalty: float | None = None
    speech_max_chars: int | None = None
    max_segment_s: float | None = None
    words: tuple[str, ...] | None = None
    architecture: str = DEFAULT_ARCHITECTURE

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return dataclasses.asdict(self)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write `gpa_mlx.json` durably: it is the last file of a conversion and vouches for all others."""
    content = to_json(manifest.as_dict(), indent=2)
    write_atomically(directory / MANIFEST_NAME, f"{content}\n")


def read_manifest(directory: str | os.PathLike[str]) -> Manifest:
    """Read `gpa_mlx.json`.

    Raises:
        ModelNotFoundError: There is no such directory.
        ModelFormatError: It is an upstream model or something else, or a newer release wrote it.
    """
    root = Path(directory)
    path = root / MANIFEST_NAME
    if not root.is_dir():
        problem = "is not a directory" if root.exists() else "does not exist"
        raise ModelNotFoundError(f"The model {root} {problem}.", hint=_GIVE_CONVERTED)
    if not path.exists():
        if looks_like_upstream(root):
            raise ModelFormatError(
                f"{root} holds the upstream weights, not a converted model.",
                hint=f"Run `gpa-mlx convert {root} -o DST` once and use DST.",
            )
        raise ModelFormatError(f"{root} is not a converted model: it has no {MANIFEST_NAME}.", hint=_GIVE_CONVERTED)
    try:
        content = read_limited(path)
    except OSError as error:
        raise ModelFormatError(f"{path} cannot be read: {error.strerror or error}.") from error
    fields = ConfigReader.from_json(
        content,
        str(path),
        lambda problem: ModelFormatError(f"{path} is not a manifest of gpa-mlx: {problem}.", hint=_CONVERT_AGAIN),
    )
    if (version := fields.integer("format_version")) > FORMAT_VERSION:
        raise ModelFormatError(
            f"{path} has format version {version}; this release of gpa-mlx reads up to {FORMAT_VERSION}.",
            hint="Upgrade gpa-mlx, or convert the model again with this release.",
        )
    return _parse(fields)


def require_converted(directory: str | os.PathLike[str]) -> Manifest:
    """Check, without reading the weights, that `directory` is a whole converted model.

    Raises:
        ModelNotFoundError: There is no such directory.
        ModelFormatError: As `read_manifest`; or a file is missing or has another size than recorded.
    """
    root = Path(directory)
    manifest = read_manifest(root)
    for name, info in manifest.files.items():
        problem = _size_problem(root, name, info)
        if problem:
            raise ModelFormatError(
                f"The model {root} is damaged: {problem}.",
                hint=f"Run `gpa-mlx model verify {root}` for the full list, then convert the model again.",
            )
    return manifest


def looks_like_upstream(directory: Path) -> bool:
    """Return whether `directory` has the layout of a published GPA checkpoint."""
    tokenizers = ("BiCodec", "glm-4-voice-tokenizer")
    return (directory / "config.json").is_file() and any((directory / name).is_dir() for name in tokenizers)


def verify_files(directory: str | os.PathLike[str]) -> list[str]:
    """Compare every listed file with its recorded size and SHA-256; the fold of `stream_verify_files`."""
    return result_of(stream_verify_files(directory))


def stream_verify_files(directory: str | os.PathLike[str]) -> Generator[ByteProgress, None, list[str]]:
    """Compare every listed file with its recorded size and SHA-256.

    Args:
        directory: A converted model.

    Returns:
        One line per damaged file, naming it; empty when all is well.

    Raises:
        ModelNotFoundError: There is no such directory.
        ModelFormatError: As `read_manifest`.
    """
    root = Path(directory)
    files = read_manifest(root).files
    total = sum(info.size for info in files.values())
    done = 0
    problems = []
    for name, info in files.items():
        problem = _size_problem(root, name, info)
        if problem:
            done += info.size
            yield ByteProgress(done, total)
        else:
            for step in (hashing := Steps(_digest_problem(root, name, info))):
                done += step
                yield ByteProgress(done, total)
            problem = hashing.result
        if problem:
            problems.append(problem)
    return problems


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal; the fold of `stream_sha256`."""
    return result_of(stream_sha256(path))


def stream_sha256(path: Path) -> Generator[int, None, str]:
    """Yield the size of each piece of a file that has been read; return its SHA-256, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            yield len(chunk)
    return digest.hexdigest()


def _size_problem(root: Path, name: str, info: FileInfo) -> str | None:
    path = root / name
    try:
        is_there = path.is_file()
    except OSError:  # longer than the name of a file can be
        is_there = False
    if not is_there:
        return f"{name} is missing"
    size = path.stat().st_size
    return None if size == info.size else f"{name} has {size} bytes instead of {info.size}"


def _digest_problem(root: Path, name: str, info: FileInfo) -> Generator[int, None, str | None]:
    try:
        digest = yield from stream_sha256(root / name)
    except OSError as error:
        return f"{name} cannot be read: {error.strerror or error}"
    return None if digest == info.sha256 else f"{name} has another SHA-256 than recorded"


def _parse(fields: ConfigReader) -> Manifest:
    source = fields.section("source")
    return Manifest(
        format_version=fields.integer("format_version"),
        converter_version=fields.line("converter_version"),
        model_family=fields.line("model_family"),
        model_name=fields.line("model_name"),
        source=UpstreamSource(
            location=source.line("location"),
            revision=source.nullable("revision", source.line),
            sha256=source.texts("sha256"),
        ),
        parts={
            name: PartInfo(
                dtype=part.line("dtype"),
                bits=part.nullable("bits", part.integer),
                tensors=part.count("tensors"),
                parameters=part.count("parameters"),
            )
            for name, part in fields.sections("parts").items()
        },
        files={
            _relative(name, fields): FileInfo(info.count("size"), info.line("sha256"))
            for name, info in fields.sections("files").items()
        },
        # Missing in directories of earlier releases.
        speech_repetition_penalty=fields.optional("speech_repetition_penalty", fields.positive),
        speech_max_chars=fields.optional("speech_max_chars", fields.integer),
        max_segment_s=fields.optional("max_segment_s", fields.positive),
        words=fields.optional("words", lambda key: fields.each(key, lambda words, index: words.line(index))),
        architecture=fields.optional("architecture", fields.line) or DEFAULT_ARCHITECTURE,
    )


def _relative(name: str, fields: ConfigReader) -> str:
    """Return `name` if it stays inside the directory, however it is joined."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or str(path) != name:
        raise fields.error("files", f"has a name that leaves the model directory: {name!r}")
    if not is_printable(name) or "\n" in name or "\t" in name:
        raise fields.error("files", f"has a name that a terminal would obey: {name!r}")
    return name
