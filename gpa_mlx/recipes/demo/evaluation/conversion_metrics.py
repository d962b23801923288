"""Objective metrics of voice conversion: pitch and timbre of an output, nearer to the target or to the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.recipes.demo.evaluation.pitch import median_pitch, semitones
from gpa_mlx.recipes.demo.evaluation.speaker_embedding import SpeakerSpace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpa_mlx.types import Waveform

_AUDIBLE_SEMITONES = 2.0


class ConversionMetrics:
    """Pitch and timbre of known voices.

    Args:
        recordings: One recording per voice, `(samples,)` float32 at 16 kHz, of some seconds.
    """

    def __init__(self, recordings: Mapping[str, Waveform]) -> None:
        self._space = SpeakerSpace(recordings)
        self._pitch_hz = {voice: median_pitch(wave) for voice, wave in recordings.items()}

    def pitch_closer(self, wave: Waveform | None, source: str, target: str) -> bool | None:
        """Return whether the output is nearer to the target's pitch; None where the voices are about as high."""
        source_hz, target_hz = self._pitch_hz[source], self._pitch_hz[target]
        if source_hz is None or target_hz is None or semitones(source_hz, target_hz) <= _AUDIBLE_SEMITONES:
            return None
        output_hz = None if wave is None else median_pitch(wave)
        return output_hz is not None and semitones(output_hz, target_hz) < semitones(output_hz, source_hz)

    def timbre_closer(self, wave: Waveform | None, source: str, target: str) -> bool:
        """Return whether the output's timbre is more similar to the target's."""
        if wave is None:
            return False
        return self._space.similarity(wave, target) > self._space.similarity(wave, source)
