"""Joining passages: silence at their edges is trimmed, their loudness matched, and pauses have fixed lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.text.segmentation import Pause
    from gpa_mlx.types import Waveform

PAUSE_S: dict[Pause, float] = {"clause": 0.05, "sentence": 0.2, "paragraph": 0.6}
"""Silence after a passage, beside the margins that trimming leaves."""

MARGIN_S = 0.15
"""Kept of the silence at each edge: soft consonants begin and end below the threshold, a final p long after it."""

_FRAME = SAMPLE_RATE_HZ // 100
_MARGIN_FRAMES = round(MARGIN_S * 100)
_FADE = 80
_SILENCE_RMS = 0.002
_RELATIVE_RMS = 0.02

_LOUD_PERCENTILES = (0.9, 0.99)
_AUDIBLE = 0.01
_MAX_GAIN = 2.0
_PEAK = 0.99


class EdgeTrimmer:
    """Removes the silence before and after speech that comes in pieces; silence inside it stays.

    Silent is a frame of 10 ms below -54 dB of full scale or 34 dB below the loudest frame so far. 150 ms remain at each
    edge, faded over 5 ms. What may be the final silence is held back until something louder follows. How the speech is
    cut into pieces does not matter.
    """

    def __init__(self) -> None:
        self._rest = np.zeros(0, dtype=np.float32)
        self._held: list[Waveform] = []
        self._loudest = 0.0
        self._started = False

    def step(self, samples: Waveform) -> Waveform:
        """Take the next samples, `(n,)` float32; return those that are inside the speech for certain."""
        self._rest = np.concatenate([self._rest, samples])
        whole = len(self._rest) - len(self._rest) % _FRAME
        frames, self._rest = self._rest[:whole].reshape(-1, _FRAME), self._rest[whole:]
        released: list[Waveform] = []
        for frame in frames:
            released += self._take(frame)
        return _joined(released)

    def flush(self) -> Waveform:
        """End the speech: return what is left of it, silence removed."""
        released = self._take(self._rest) if len(self._rest) else []
        if not self._started:
            return np.zeros(0, dtype=np.float32)
        tail = self._held[:_MARGIN_FRAMES]
        if len(self._held) > _MARGIN_FRAMES:
            tail[-1] = _faded(tail[-1], slice(None, None, -1))
        return _joined(released + tail)

    def _take(self, frame: Waveform) -> list[Waveform]:
        level = float(np.sqrt(np.mean(np.square(frame))))
        self._held.append(frame)
        if level < max(_SILENCE_RMS, _RELATIVE_RMS * self._loudest):
            return []
        self._loudest = max(self._loudest, level)
        if not self._started:
            self._started = True
            if len(self._held) > _MARGIN_FRAMES + 1:
                self._held = self._held[-_MARGIN_FRAMES - 1 :]
                self._held[0] = _faded(self._held[0], slice(None))
        released, self._held = self._held, []
        return released


def speech_level(speech: Waveform) -> float:
    """Return the mean magnitude of the loud parts (see `normalize_loudness`); 0 where nothing is audible."""
    magnitudes = np.abs(speech)
    audible = np.sort(magnitudes[magnitudes > _AUDIBLE])
    loud = audible[int(_LOUD_PERCENTILES[0] * len(audible)) : int(_LOUD_PERCENTILES[1] * len(audible))]
    return float(loud.mean()) if len(loud) else 0.0


def match_level(speech: Waveform, level: float) -> Waveform:
    """Scale speech by at most 6 dB towards a level; full scale is never reached."""
    own = speech_level(speech)
    if not own or not level:
        return speech
    gain = np.clip(level / own, 1 / _MAX_GAIN, _MAX_GAIN)
    return (speech * min(gain, _PEAK / np.abs(speech).max())).astype(np.float32)


def _faded(frame: Waveform, direction: slice) -> Waveform:
    ramp = np.ones(len(frame), dtype=np.float32)
    count = min(_FADE, len(frame))
    ramp[:count] = np.linspace(0, 1, count, endpoint=False, dtype=np.float32)
    return frame * ramp[direction]


def _joined(pieces: list[Waveform]) -> Waveform:
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.float32)
