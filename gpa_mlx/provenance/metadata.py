"""Generation metadata of audio: the record as JSON, and the tag inside the file that says it in short."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import NoneType
from typing import Any, Literal, NamedTuple, TypeAlias

from gpa_mlx.errors import GPAError

Kind: TypeAlias = Literal["synthetic speech", "decoded from tokens"]
MadeBy: TypeAlias = Literal["speak", "vc", "detokenize"]
Option: TypeAlias = str | int | float | bool | None

PROGRAM = "gpa-mlx"
FORMAT_VERSION = 1
"""Raised whenever a record written now could not be read by the previous release."""

_KINDS: dict[str, Kind] = {"speak": "synthetic speech", "vc": "synthetic speech", "detokenize": "decoded from tokens"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_WORD = re.compile(r"\S+")
_TAG = re.compile(
    r"(synthetic speech|decoded from tokens) by gpa-mlx \S+ \((?:speak|vc|detokenize)\); "
    r"(\d{1,9}) Hz (\S+), (\d{1,12}) frames, sha256 ([0-9a-f]{64})(?:; record sha256 ([0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelIdentity:
    """Which weights were used.

    Attributes:
        name: For people.
        family: See `Manifest.model_family`.
        sha256: Of the lines `DIGEST  FILE` of all files in the manifest, sorted by file name, as sha256sum writes them.
        adapter_sha256: The same of the adapter's files; None without one.
    """

    name: str
    family: str
    sha256: str
    adapter_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceIdentity:
    """Who speaks.

    Attributes:
        name: For people; None where only the codes are known.
        sha256: Of the speaker codes, decimal, separated by single spaces.
    """

    name: str | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationMetadata:
    """How audio was generated.

    Attributes:
        task: The command.
        model: The weights.
        voice: Who speaks.
        seed: What repeats the speech; None where nothing was drawn.
        seeds: Of every part that was kept, in order.
        text_sha256: Of the text as written, UTF-8; None where none was given.
        source_sha256: Of the recording or the tokens that were given; None where there was no file of them.
        options: How tokens were drawn and parts were checked.
        scores: Share of characters heard wrongly in every part; None as a whole or of a part that nobody listened to.
    """

    task: MadeBy
    model: ModelIdentity
    voice: VoiceIdentity
    seed: int | None = None
    seeds: tuple[int | None, ...] = ()
    text_sha256: str | None = None
    source_sha256: str | None = None
    options: Mapping[str, Option]
    scores: tuple[float | None, ...] | None = None

    @property
    def kind(self) -> Kind:
        """What the sound is."""
        return _KINDS[self.task]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What was made.

    Attributes:
        sha256: Of the bytes of the `data` chunk.
        frames: How many.
        sample_rate: Frames per second.
        subtype: Sample format as libsndfile spells it.
    """

    sha256: str
    frames: int
    sample_rate: int
    subtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the sound of one file comes from.

    Attributes:
        version: Release of gpa-mlx that made it.
        created: When, as `2026-11-21T12:00:00Z`.
        metadata: How.
        sound: What.
    """

    version: str
    created: str
    metadata: GenerationMetadata
    sound: Sound

    @property
    def sha256(self) -> str:
        """Digest of everything but the date, so that the same command makes the same file, byte for byte."""
        return _digest_of({**self._document(), "created": None})

    def to_json(self) -> str:
        """Return the content of the sidecar."""
        document = self._document()
        return json.dumps({**document, "checksum": _digest_of(document)}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, content: bytes, source: str) -> Provenance:
        """Read the content of a sidecar.

        Args:
            content: UTF-8.
            source: Where it came from, for error messages.

        Raises:
            GPAError: It is not a record of this program, was altered, or a newer release wrote it.
        """
        try:
            document = json.loads(content, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise GPAError(f"{source} is not a record of gpa-mlx: it is not JSON.") from error
        if not isinstance(document, dict) or document.get("program") != PROGRAM:
            raise GPAError(f"{source} is not a record of gpa-mlx.")
        version = document.get("format_version")
        if type(version) is int and version > FORMAT_VERSION:
            raise GPAError(
                f"{source} has format version {version}; this release of gpa-mlx reads up to {FORMAT_VERSION}.",
                hint="Upgrade gpa-mlx.",
            )
        checksum = document.pop("checksum", None)
        try:
            return _parse(document, checksum)
        except (_MalformedError, RecursionError) as error:
            raise GPAError(f"{source} was altered: {error}.") from error

    def tag(self, *, recorded: bool) -> dict[str, str]:
        """Return the texts for the INFO list.

        Args:
            recorded: Name the record, which is written beside the file.
        """
        sound = self.sound
        comment = (
            f"{self.metadata.kind} by {PROGRAM} {self.version} ({self.metadata.task}); {sound.sample_rate} Hz "
            f"{sound.subtype}, {sound.frames} frames, sha256 {sound.sha256}"
        )
        if recorded:
            comment += f"; record sha256 {self.sha256}"
        return {"ISFT": f"{PROGRAM} {self.version}", "ICMT": comment}

    def _document(self) -> dict[str, Any]:
        metadata = {"kind": self.metadata.kind, **asdict(self.metadata)}
        return {
            "program": PROGRAM,
            "format_version": FORMAT_VERSION,
            "version": self.version,
            "created": self.created,
            "making": metadata,
            "sound": asdict(self.sound),
        }


class Tag(NamedTuple):
    """What the tag in a file says.

    Attributes:
        kind: What the sound is.
        sound: The sound as it was written.
        record_sha256: Digest of the record beside the file; None where none was written.
    """

    kind: str
    sound: Sound
    record_sha256: str | None


def read_tag(comment: str) -> Tag | None:
    """Return what the `ICMT` text of a file says; None where it is no tag of this program."""
    match = _TAG.fullmatch(comment)
    if match is None:
        return None
    kind, sample_rate, subtype, frames, sound_sha256, record_sha256 = match.groups()
    sound = Sound(sha256=sound_sha256, frames=int(frames), sample_rate=int(sample_rate), subtype=subtype)
    return Tag(kind, sound, record_sha256)


def digest_of_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _digest_of(document: Mapping[str, Any]) -> str:
    return digest_of_text(json.dumps(document, sort_keys=True, separators=(",", ":")))


class _MalformedError(ValueError):
    """What is wrong inside a record, without the file's name."""


class _Section:
    """An object of the record: every key is asked for once, and none may be left over."""

    def __init__(self, content: object, name: str) -> None:
        if not isinstance(content, dict):
            raise _MalformedError(f"'{name}' must be an object")
        self._rest: dict[str, Any] = dict(content)
        self._name = name

    def take(self, key: str, *kinds: type) -> Any:  # noqa: ANN401
        if key not in self._rest:
            raise _MalformedError(f"'{self._name}.{key}' is missing")
        value = self._rest.pop(key)
        if type(value) not in kinds:
            raise self.error(key)
        return value

    def matching(self, key: str, pattern: re.Pattern[str], *, optional: bool = False) -> Any:  # noqa: ANN401
        value = self.take(key, str, *([NoneType] if optional else []))
        if value is not None and not pattern.fullmatch(value):
            raise self.error(key)
        return value

    def count(self, key: str) -> int:
        value = self.take(key, int)
        if value < 0:
            raise self.error(key)
        return value

    def items(self, key: str, *kinds: type, optional: bool = False) -> Any:  # noqa: ANN401
        values = self.take(key, list, *([NoneType] if optional else []))
        if values is None:
            return None
        if any(type(value) not in kinds for value in values):
            raise self.error(key)
        return tuple(values)

    def error(self, key: str) -> _MalformedError:
        return _MalformedError(f"'{self._name}.{key}' is not what it should be")

    def end(self) -> None:
        for key in self._rest:
            raise _MalformedError(f"'{self._name}.{key}' is unknown")


def _parse(document: Mapping[str, Any], checksum: object) -> Provenance:
    if checksum != _digest_of(document):
        raise _MalformedError("its content does not have its checksum")
    top = _Section(document, "record")
    top.take("program", str)
    top.take("format_version", int)
    provenance = Provenance(
        version=top.matching("version", _WORD),
        created=top.matching("created", _UTC),
        metadata=_parse_metadata(_Section(top.take("making", dict), "making")),
        sound=_parse_sound(_Section(top.take("sound", dict), "sound")),
    )
    top.end()
    return provenance


def _parse_metadata(section: _Section) -> GenerationMetadata:
    task = section.take("task", str)
    if task not in _KINDS or section.take("kind", str) != _KINDS[task]:
        raise section.error("task")
    model = _Section(section.take("model", dict), "model")
    voice = _Section(section.take("voice", dict), "voice")
    options = section.take("options", dict)
    if any(type(value) not in (str, int, float, bool, NoneType) for value in options.values()):
        raise section.error("options")
    metadata = GenerationMetadata(
        task=task,
        model=ModelIdentity(
            name=model.take("name", str),
            family=model.take("family", str),
            sha256=model.matching("sha256", _SHA256),
            adapter_sha256=model.matching("adapter_sha256", _SHA256, optional=True),
        ),
        voice=VoiceIdentity(name=voice.take("name", str, NoneType), sha256=voice.matching("sha256", _SHA256)),
        seed=section.take("seed", int, NoneType),
        seeds=section.items("seeds", int, NoneType),
        text_sha256=section.matching("text_sha256", _SHA256, optional=True),
        source_sha256=section.matching("source_sha256", _SHA256, optional=True),
        options=options,
        scores=section.items("scores", float, int, NoneType, optional=True),
    )
    for part in (section, model, voice):
        part.end()
    return metadata


def _parse_sound(section: _Section) -> Sound:
    sound = Sound(
        sha256=section.matching("sha256", _SHA256),
        frames=section.count("frames"),
        sample_rate=section.count("sample_rate"),
        subtype=section.take("subtype", str),
    )
    section.end()
    return sound


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
