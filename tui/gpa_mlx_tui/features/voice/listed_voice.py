"""A voice of the list: kept by the user, or built into the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from gpa_mlx.types import Voice

Kind: TypeAlias = Literal["kept", "built-in"]


@dataclass(frozen=True, slots=True)
class ListedVoice:
    """A voice that can be looked at.

    Attributes:
        name: Of the voice.
        kind: Whether it is the user's.
        voice: None when its file is damaged.
        problem: What is wrong with the file, or why the model cannot speak so; empty when all is well.
    """

    name: str
    kind: Kind
    voice: Voice | None
    problem: str = ""


def describe(listed: ListedVoice) -> tuple[tuple[str, str], ...]:
    """Return what is known of a voice, as rows of a label and a text."""
    rows = [("", listed.problem)]
    voice = listed.voice
    if listed.kind == "built-in":
        rows.append(("Built in", "belongs to the model, and cannot be changed"))
    if voice is not None:
        rows.append(("About", voice.description))
        if (origin := voice.origin) is not None:
            rows += [
                ("Made", f"{origin.made_on}, from {origin.start_s:.2f} to {origin.end_s:.2f} s of a recording"),
                ("Consent", origin.consent or "nothing is recorded"),
            ]
        rows += [("Model", voice.family), ("Codes", " ".join(map(str, voice.global_tokens)))]
    return tuple((label, text) for label, text in rows if text)
