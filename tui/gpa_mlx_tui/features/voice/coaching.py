"""What the app says while a recording for a voice is made, and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.voices.coaching import LIKE_IT, READING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.voices.coaching import Advice

HOW_TO = "Say a few sentences as you usually talk, in a quiet room, a hand's breadth or two from the microphone."

_READING_S = 8.0


def sentence_to_read(elapsed_s: float) -> str:
    """Return what is to be read at a moment of a recording, in English and in Chinese, a line each."""
    return READING[int(elapsed_s / _READING_S) % len(READING)]


def next_step(similarity: float | None, advice: Sequence[Advice]) -> str:
    """Return what to do to get a better voice than the one that was made; empty when it is good.

    Args:
        similarity: Of the voice and its own speech, 0 to 1; None: it said nothing that could be compared.
        advice: About the recording it was made from.
    """
    if similarity is not None and similarity > LIKE_IT:
        return ""
    bad = [one for one in advice if one.grade == "bad"] or [one for one in advice if one.grade == "fair"]
    if bad:
        return f"To do better: {bad[0].topic}, {bad[0].words}. Record again with Ctrl+R."
    return (
        "The recording is good, so another one may suit the model better: add some with Ctrl+O, or read other "
        "sentences, Ctrl+R; then make it again, Ctrl+T."
    )
