"""A voice: the speaker codes of a recording, a few dozen integers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from gpa_mlx.errors import VoiceError

if TYPE_CHECKING:
    from pathlib import Path

_MAX_CODE = 2**31 - 1
"""Codes are int32; how many of these values a model has, only the model knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who speaks.

    Attributes:
        name: For people.
        global_tokens: BiCodec speaker codes, as many as the model's config says (32 for GPA).
        family: The model family (see `Manifest.model_family`) whose models know these codes; empty when unknown.
        description: One line about the voice; may be empty.
    """

    name: str
    global_tokens: tuple[int, ...]
    family: str = ""
    description: str = ""

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
        )
        voice._check(source)
        return voice

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form.

        Raises:
            VoiceError: A value is not what `from_dict` takes.
        """
        self._check(f"the voice {self.name!r}")
        return {
            "name": self.name,
            "family": self.family,
            "global_tokens": list(self.global_tokens),
            "description": self.description,
        }

    def _check(self, source: str) -> None:
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


def _is_line(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value == value.strip()


def _malformed(source: str, problem: str) -> VoiceError:
    return VoiceError(f"{source} is not a voice: {problem}.", hint="Make the voice again from a recording.")
