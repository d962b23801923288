"""Generation metadata of audio: the record as JSON, and the tag inside the file that says it in short."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias

from gpa_mlx.errors import GPAError
from gpa_mlx.store.config_reader import ConfigReader
from gpa_mlx.text.printable import to_json

Kind: TypeAlias = Literal["synthetic speech", "decoded from tokens"]
MadeBy: TypeAlias = Literal["speak", "vc", "detokenize"]
Option: TypeAlias = str | int | float | bool | None

PROGRAM = "gpa-mlx"
FORMAT_VERSION = 2
"""Raised whenever a record written now could not be read by the previous release.

Up to 1, the digest of the text was its plain SHA-256, `text_sha256`, from which a short text could be guessed.
"""

_TEXT_DIGESTS = {1: "text_sha256"}
_TEXT_DIGEST = "text_pbkdf2"
_ITERATIONS = 100_000

_KINDS: dict[MadeBy, Kind] = {
    "speak": "synthetic speech",
    "vc": "synthetic speech",
    "detokenize": "decoded from tokens",
}
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
        text_digest: `digest_of_private_text` of the text as written; None where none was given.
        source_sha256: Of the recording or the tokens that were given; None where there was no file of them.
        options: How tokens were drawn and parts were checked.
        scores: Character error rate of every part; None as a whole where nothing was verified, or of one part.
    """

    task: MadeBy
    model: ModelIdentity
    voice: VoiceIdentity
    seed: int | None = None
    seeds: tuple[int | None, ...] = ()
    text_digest: str | None = None
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
        sha256: Of the samples, as bytes of the `data` chunk of a WAV file; of the compressed sound without its
            container where the format is a lossy one.
        frames: How many were written, or encoded.
        sample_rate: Frames per second, of what was written or encoded.
        subtype: Sample format or codec as libsndfile spells it.
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
        format_version: Of the record.
    """

    version: str
    created: str
    metadata: GenerationMetadata
    sound: Sound
    format_version: int = FORMAT_VERSION

    @property
    def sha256(self) -> str:
        """Digest of everything but the date, so that the same command makes the same file, byte for byte."""
        return _digest_of({**self._document(), "created": None})

    def to_json(self) -> str:
        """Return the content of the sidecar."""
        document = self._document()
        return to_json({**document, "checksum": _digest_of(document)}, indent=2) + "\n"

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
            is_whole = checksum == _digest_of(document)
        except RecursionError:
            is_whole = False
        if not is_whole:
            raise GPAError(f"{source} was altered: its content does not have its checksum.")
        return _parse(document, source)

    def tag(self, *, recorded: bool) -> dict[str, str]:
        """Return the texts of the tag, by their names in a WAV file's INFO list.

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
        metadata[_TEXT_DIGESTS.get(self.format_version, _TEXT_DIGEST)] = metadata.pop("text_digest")
        return {
            "program": PROGRAM,
            "format_version": self.format_version,
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


def digest_of_private_text(text: str, model: ModelIdentity, voice: VoiceIdentity, seed: int | None) -> str:
    """Return a digest from which a text is not easily guessed: PBKDF2-HMAC-SHA256, hexadecimal.

    Slow, and salted with what the record says of the model, the voice and the seed: whoever guesses has to begin anew
    for every file, with some hundredths of a second a guess. The same command still makes the same record.
    """
    salt = f"{model.sha256} {voice.sha256} {seed}".encode()
    return hashlib.pbkdf2_hmac("sha256", text.encode(), salt, _ITERATIONS).hex()


def _digest_of(document: Mapping[str, Any]) -> str:
    return digest_of_text(json.dumps(document, sort_keys=True, separators=(",", ":")))


def _parse(document: Mapping[str, Any], source: str) -> Provenance:
    top = ConfigReader(document, source, failure=lambda problem: GPAError(f"{source} was altered: {problem}."))
    top.text("program")
    format_version = top.integer("format_version")
    provenance = Provenance(
        version=top.text("version", pattern=_WORD),
        created=top.text("created", pattern=_UTC),
        metadata=_parse_metadata(top.section("making"), _TEXT_DIGESTS.get(format_version, _TEXT_DIGEST)),
        sound=_parse_sound(top.section("sound")),
        format_version=format_version,
    )
    top.end()
    return provenance


def _parse_metadata(section: ConfigReader, text_digest: str) -> GenerationMetadata:
    task: MadeBy = section.choice("task", _KINDS)
    section.choice("kind", (_KINDS[task],))
    model, voice = section.section("model"), section.section("voice")
    metadata = GenerationMetadata(
        task=task,
        model=ModelIdentity(
            name=model.line("name"),
            family=model.line("family"),
            sha256=_digest(model, "sha256"),
            adapter_sha256=model.nullable("adapter_sha256", partial(_digest, model)),
        ),
        voice=VoiceIdentity(name=voice.nullable("name", voice.line), sha256=_digest(voice, "sha256")),
        seed=section.nullable("seed", section.any_integer),
        seeds=section.each("seeds", lambda seeds, index: seeds.nullable(index, seeds.any_integer)),
        text_digest=section.nullable(text_digest, partial(_digest, section)),
        source_sha256=section.nullable("source_sha256", partial(_digest, section)),
        options=section.scalars("options"),
        scores=section.nullable("scores", partial(_scores, section)),
    )
    for part in (section, model, voice):
        part.end()
    return metadata


def _parse_sound(section: ConfigReader) -> Sound:
    sound = Sound(
        sha256=_digest(section, "sha256"),
        frames=section.count("frames"),
        sample_rate=section.count("sample_rate"),
        subtype=section.line("subtype"),
    )
    section.end()
    return sound


def _digest(section: ConfigReader, key: str) -> str:
    return section.text(key, pattern=_SHA256)


def _scores(section: ConfigReader, key: str) -> tuple[float | None, ...]:
    return section.each(key, lambda scores, index: scores.nullable(index, scores.number))


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
