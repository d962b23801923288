"""Synthesized speech at another speed: every passage and its pause, with the times that belong to it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from gpa_mlx.audio.dsp.time_stretch import LEAST_SPEED, MOST_SPEED, TimeStretcher
from gpa_mlx.errors import SettingsError
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.synthesis.long_form import SynthesisStream


def check_speed(speed: float) -> None:
    """Refuse a speed that cannot be had.

    Raises:
        SettingsError: It is too slow or too fast.
    """
    if not LEAST_SPEED <= speed <= MOST_SPEED:
        raise SettingsError(
            f"The speed {speed:g} cannot be had.", hint=f"Use a number from {LEAST_SPEED:g} to {MOST_SPEED:g}."
        )


def at_speed(chunks: SynthesisStream, speed: float) -> SynthesisStream:
    """Yield a synthesis at another speed; closing it closes `chunks`.

    Each passage is stretched for itself, so that its edges are exact.

    Args:
        chunks: Of `synthesize`.
        speed: 2 halves the length.
    """
    with closing(chunks):
        stretcher, begun = TimeStretcher(speed), 0
        samples = 0
        for chunk in chunks:
            passage = chunk.passage
            audio = stretcher.push(chunk.audio, last=passage is not None)
            samples += len(audio)
            if passage is not None:
                start_s = begun / SAMPLE_RATE_HZ
                end_s = start_s + (passage.end_s - passage.start_s) / speed
                passage = replace(passage, start_s=start_s, end_s=min(end_s, samples / SAMPLE_RATE_HZ))
                stretcher, begun = TimeStretcher(speed), samples
            yield replace(chunk, audio=audio, passage=passage)
