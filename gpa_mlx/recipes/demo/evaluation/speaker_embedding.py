"""Speaker similarity by long-term cepstral statistics; no trained network decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gpa_mlx.audio.dsp.mel import linear_mel
from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

if TYPE_CHECKING:
    from collections.abc import Mapping

    Embedding = npt.NDArray[np.float64]

_N_FFT, _WINDOW, _HOP, _MELS = 512, 400, 160, 40
_COEFFICIENTS = 19
_QUIET = 10 ** (-40 / 20)
_FLOOR = 1e-8


class SpeakerSpace:
    """Embeddings of known voices, standardised over the voices.

    Args:
        recordings: One recording per voice, `(samples,)` float32 at 16 kHz, the longer the better.
    """

    def __init__(self, recordings: Mapping[str, Waveform]) -> None:
        points = {voice: long_term_cepstrum(wave) for voice, wave in recordings.items()}
        everyone = np.stack(list(points.values()))
        self._centre, self._scale = everyone.mean(0), np.maximum(everyone.std(0), _FLOOR)
        self._points = {voice: self._standardised(point) for voice, point in points.items()}

    def similarity(self, wave: Waveform, voice: str) -> float:
        """Return the cosine similarity of a recording, `(samples,)`, and a known voice: -1 to 1."""
        point, known = self._standardised(long_term_cepstrum(wave)), self._points[voice]
        return float(point @ known / max(float(np.linalg.norm(point) * np.linalg.norm(known)), _FLOOR))

    def _standardised(self, point: Embedding) -> Embedding:
        return (point - self._centre) / self._scale


def long_term_cepstrum(wave: Waveform) -> Embedding:
    """Return mean and standard deviation of the cepstrum over time, a speaker embedding.

    Args:
        wave: `(samples,)` float32 at 16 kHz, at least 257.

    Returns:
        `(38,)` float64: mean and standard deviation of the cepstral coefficients 1 to 19 of the mel spectrum, over the
        frames that are not silent.
    """
    bands = linear_mel(
        wave,
        rate_hz=SAMPLE_RATE_HZ,
        n_fft=_N_FFT,
        win_length=_WINDOW,
        hop_length=_HOP,
        f_min_hz=60.0,
        f_max_hz=7600.0,
        n_mels=_MELS,
    ).astype(np.float64)
    levels = bands.sum(-1)
    loud = np.maximum(bands[levels >= _QUIET * levels.max()], _FLOOR)
    orders = np.arange(1, _COEFFICIENTS + 1)[:, None]
    basis = np.cos(np.pi * orders * (np.arange(_MELS) + 0.5) / _MELS)
    cepstra = np.log(loud) @ basis.T
    return np.concatenate([cepstra.mean(0), cepstra.std(0)])
