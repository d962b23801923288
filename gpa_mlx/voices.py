"""A voice: the speaker codes of a recording, a few dozen integers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who speaks.

    Attributes:
        name: For people.
        global_tokens: BiCodec speaker codes, as many as the model's config says (32 for GPA).
    """

    name: str
    global_tokens: tuple[int, ...]
