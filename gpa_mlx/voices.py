"""A voice: the speaker codes of a recording, a few dozen integers."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Self

from gpa_mlx.errors import VoiceError

if TYPE_CHECKING:
    from pathlib import Path

_MAX_CODE = 2**31 - 1
"""Codes are int32; how many of these values a model has, only the model knows."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


CONSENT_QUESTION = "Is this your own voice, or has its owner agreed to this use?"
"""What whoever makes a voice is asked once."""

CONSENT = "The person who made this voice stated that they have the right to use it."
"""What the voice says when the answer was yes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceOrigin:
    """What a voice was made from.

    Attributes:
        source_sha256: SHA-256 of the recording, 64 lower-case hexadecimal digits: of the file, or of the float32
            samples where there was no file.
        start_s: Where in the recording the part begins that the voice was made from.
        end_s: Where it ends.
        made_on: The day, as ISO date.
        consent: What the maker said about the right to use the voice, in one line; may be empty.
    """

    source_sha256: str
    start_s: float
    end_s: float
    made_on: str
    consent: str = ""

    def check(self, source: str) -> None:
        """Refuse values that mean nothing.

        Args:
            source: Where they came from, for error messages.

        Raises:
            VoiceError: A value is not what it should be.
        """
        if not isinstance(self.source_sha256, str) or not _SHA256.fullmatch(self.source_sha256):
            raise _malformed(source, "'source_sha256' must be 64 lower-case hexadecimal digits")
        for name, time_s in (("start_s", self.start_s), ("end_s", self.end_s)):
            if type(time_s) not in (int, float) or not 0 <= time_s <= sys.float_info.max:
                raise _malformed(source, f"'{name}' must be a time in seconds, not {time_s!r}")
        if self.end_s <= self.start_s:
            raise _malformed(source, f"its part of the recording ends at {self.end_s} s, before it begins")
        if not _is_date(self.made_on):
            raise _malformed(source, f"'made_on' must be a date such as 2026-11-21, not {self.made_on!r}")
        if not _is_line(self.consent):
            raise _malformed(source, f"'consent' must be a line of text, not {self.consent!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who speaks.

    Attributes:
        name: For people.
        global_tokens: BiCodec speaker codes, as many as the model's config says (32 for GPA).
        family: The model family (see `Manifest.model_family`) whose models know these codes; empty when unknown.
        description: One line about the voice; may be empty.
        origin: What it was made from; None when unknown.
    """

    name: str
    global_tokens: tuple[int, ...]
    family: str = ""
    description: str = ""
    origin: VoiceOrigin | None = None

    @classmethod
    def from_dict(cls, content: object, source: str) -> Self:
        """Make a voice from its JSON form; keys it does not know are ignored.

        Args:
            content: What `to_dict` returns.
            source: Where it came from, for error messages.

        Raises:
            VoiceError: A value is missing or not what it should be.
        """
        if not isinstance(content, Mapping):
            raise _malformed(source, "it holds no JSON object")
        tokens = content.get("global_tokens")
        if not isinstance(tokens, list):
            raise _malformed(source, "'global_tokens' must be a list of integers")
        voice = cls(
            name=content.get("name", ""),
            global_tokens=tuple(tokens),
            family=content.get("family", ""),
            description=content.get("description", ""),
            origin=_read_origin(content.get("origin"), source),
        )
        voice.check(source)
        return voice

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form.

        Raises:
            VoiceError: A value is not what `from_dict` takes.
        """
        self.check(f"the voice {self.name!r}")
        document = {
            "name": self.name,
            "family": self.family,
            "global_tokens": list(self.global_tokens),
            "description": self.description,
        }
        return document if self.origin is None else document | {"origin": asdict(self.origin)}

    def check(self, source: str) -> None:
        """Refuse values that mean nothing.

        Args:
            source: Where they came from, for error messages.

        Raises:
            VoiceError: A value is not what it should be.
        """
        if not _is_line(self.name) or not self.name or set(self.name) & set("/\\"):
            raise _malformed(source, f"'name' must be a line of text without slashes, not {self.name!r}")
        if not _is_line(self.family):
            raise _malformed(source, f"'family' must be a line of text, not {self.family!r}")
        if not _is_line(self.description):
            raise _malformed(source, f"'description' must be a line of text, not {self.description!r}")
        if not self.global_tokens:
            raise _malformed(source, "'global_tokens' is empty")
        for position, code in enumerate(self.global_tokens):
            if type(code) is not int or not 0 <= code <= _MAX_CODE:
                raise _malformed(source, f"'global_tokens'[{position}] is {code!r}, not a code")
        if self.origin is not None:
            self.origin.check(source)


def read_voice(path: Path) -> Voice:
    """Read a voice file.

    Raises:
        VoiceError: It cannot be read, or is not a voice.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VoiceError(f"The voice {path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise _malformed(str(path), "it is not JSON") from error
    return Voice.from_dict(content, str(path))


def _read_origin(content: object, source: str) -> VoiceOrigin | None:
    if content is None:
        return None
    if not isinstance(content, Mapping):
        raise _malformed(source, "'origin' must be an object")
    missing: Any = None  # refused by the check of the whole voice, which names the key
    return VoiceOrigin(
        source_sha256=content.get("source_sha256", missing),
        start_s=content.get("start_s", missing),
        end_s=content.get("end_s", missing),
        made_on=content.get("made_on", missing),
        consent=content.get("consent", ""),
    )


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_line(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value == value.strip()


def _malformed(source: str, problem: str) -> VoiceError:
    return VoiceError(f"{source} is not a voice: {problem}.", hint="Make the voice again from a recording.")
