"""How well a clip suits the making of a voice, and which part of it suits best.

Five things are estimated from the samples alone, without a trained network and without knowing the clean speech. They
are good enough to put clips of one speaker in order and to warn of what a listener would hear at once; they are no
measurements of a known error.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from gpa_mlx.audio.dsp.periodicity import FRAME_SAMPLES, has_pitch
from gpa_mlx.audio.vad.energy_gate import EnergyGate
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpa_mlx.audio.recording import Recording
    from gpa_mlx.types import Samples

_HOP = 320
_STEP_S = 0.25
_IDLE_FRAMES = 38
_MARGIN_FRAMES = 10
_LEAST_FRAMES = 25
_SILENT_POWER = 1e-10
_TINY = 1e-30
_MOST_SNR_DB = 60.0
_LEAST_TONES_DB = -60.0
_QUIETEST_SHARE = 0.1
_NOISE_PERCENTILE = 75  # noise that is there for part of the time counts, the last trace of a word does not

_CLIPPED = 0.98
_CLIPPED_RUN = 3

_TONE_FFT = 1024
_TONE_BLOCK = 75
_TONE_LOW_HZ, _TONE_HIGH_HZ = 40.0, 4000.0
_TONE_QUIETEST = 11
_TONE_NEIGHBOURS = 12
_TONE_RATIO = 10 ** (8 / 10)
_BATCH_FRAMES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipQuality:
    """Estimates for one window of a recording.

    Attributes:
        snr_db: Power of the speech above that of everything else in dB, 0 to 60: frames in which the energy gate finds
            speech against the louder of the others, or of the quietest tenth where there is no pause. White noise 20 dB
            below synthesised speech was put at 17 to 22 dB. Room echo, and sounds that come and go, count as speech.
        clipping_share: Share of the samples, 0 to 1, in flat tops: runs of at least 3 within 2 % of the recording's
            peak. Clipping that was made softer afterwards is not seen.
        voicing_share: Share of the speech frames, 0 to 1, that repeat themselves 60 to 400 times a second
            (autocorrelation of at least 0.6). Normal speech has 0.4 to 0.9, whispering and noise next to none.
        tone_bed_db: Power of the tones that go on below the speech, of music or hum, against the whole in dB, -60 to
            0: bands that stand 8 dB above their neighbours in the quietest 0.22 s of every 1.5 s, in which a voice
            pauses or hisses. Drums are not seen, nor is music that pauses with the voice; clean
            speech has -25 or less.
        speech_share: Share of the frames, 0 to 1, in which the energy gate finds speech.
        total: 0 (useless) to 100 (good in every respect): the product of what each estimate leaves.
    """

    snr_db: float
    clipping_share: float
    voicing_share: float
    tone_bed_db: float
    speech_share: float
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipWindow:
    """A window of a recording and how good it is; times in seconds from the start of the recording."""

    start_s: float
    end_s: float
    quality: ClipQuality


def score_clip(recording: Recording) -> ClipQuality:
    """Judge all of a recording by its first channel, which is what a voice is made from."""
    features = _Features(recording.first_channel)
    return features.quality(0, features.frames)


def best_window(recording: Recording, seconds: float) -> ClipWindow:
    """Find the window that suits a voice best; of those with the same points the one most voiced, then the first.

    What is before the first and after the last speech in it is left out where that is more than 0.75 s, all but 0.2 s.

    Args:
        recording: At least one sample.
        seconds: Wanted length; it is shorter where the recording or the speech in it is. Windows begin every 0.25 s.
    """
    features = _Features(recording.first_channel)
    length, step = round(seconds * SAMPLE_RATE_HZ / _HOP), round(_STEP_S * SAMPLE_RATE_HZ / _HOP)
    start, stop = 0, features.frames
    if features.frames > length:
        scored = [
            (features.quality(first, first + length), first) for first in range(0, features.frames - length + 1, step)
        ]
        _, start = max(scored, key=lambda pair: (round(pair[0].total), pair[0].speech_share * pair[0].voicing_share))
        stop = start + length
    start, stop = features.around_speech(start, stop)
    return ClipWindow(
        start_s=start * _HOP / SAMPLE_RATE_HZ,
        end_s=min(stop * _HOP / SAMPLE_RATE_HZ, recording.duration_s),
        quality=features.quality(start, stop),
    )


class _Features:
    """What is measured once for a recording, frame by frame of 20 ms, so that every window of it costs little."""

    def __init__(self, samples: Samples) -> None:
        clipped = _flat_tops(samples)
        samples = samples - samples.mean()
        clipped |= _flat_tops(samples)
        self._samples = np.pad(samples, (0, -len(samples) % _HOP))
        self.frames = len(self._samples) // _HOP
        frames = self._samples.reshape(-1, _HOP)
        self._powers = frames.var(axis=1)  # an offset is no sound, nor is its drift
        self._clipped = np.pad(clipped, (0, -len(samples) % _HOP)).reshape(-1, _HOP).mean(axis=1)
        gate = EnergyGate()
        self._speech = np.concatenate([gate.push(frames), gate.flush()])

    def around_speech(self, start: int, stop: int) -> tuple[int, int]:
        """Return the part of the frames from `start` to `stop` that has speech, with a little around it."""
        speech = np.flatnonzero(self._speech[start:stop]) + start
        if not len(speech):
            return start, stop
        first, last = int(speech[0]), int(speech[-1]) + 1
        if last - first < _LEAST_FRAMES:
            return start, stop
        return (
            first - _MARGIN_FRAMES if first - start > _IDLE_FRAMES else start,
            last + _MARGIN_FRAMES if stop - last > _IDLE_FRAMES else stop,
        )

    def quality(self, start: int, stop: int) -> ClipQuality:
        """Judge the frames from `start` to `stop`."""
        speech = self._speech[start:stop]
        powers = self._powers[start:stop]
        snr_db = _snr_db(powers, speech)
        clipping = float(self._clipped[start:stop].mean())
        voicing = float(self._periodic[start:stop][speech].mean()) if speech.any() else 0.0
        first = min(start // _TONE_BLOCK, len(self._tones) - 1)
        tones = float(self._tones[first : max(-(-stop // _TONE_BLOCK), first + 1)].mean())
        tones_of_all = max(tones, _TINY) / max(float(powers.mean()), _SILENT_POWER)
        tone_bed_db = float(np.clip(10 * np.log10(tones_of_all), _LEAST_TONES_DB, 0.0))
        share = float(speech.mean())
        left = (
            np.clip(snr_db / 35, 0, 1),
            1 / (1 + clipping / 0.01),
            np.clip(voicing / 0.35, 0, 1),
            np.clip((tone_bed_db + 3) / -22, 0, 1),
            np.clip(share / 0.5, 0, 1),
        )
        return ClipQuality(
            snr_db=snr_db,
            clipping_share=clipping,
            voicing_share=voicing,
            tone_bed_db=tone_bed_db,
            speech_share=share,
            total=float(100 * np.prod(left)),
        )

    @cached_property
    def _periodic(self) -> npt.NDArray[np.bool_]:
        """Whether each frame repeats itself as a voice does, `(frames,)`."""
        padded = np.pad(self._samples, FRAME_SAMPLES // 2)
        centred = sliding_window_view(padded, FRAME_SAMPLES)[_HOP // 2 :: _HOP][: self.frames]
        return np.concatenate([has_pitch(frames) for frames in _batches(centred)])

    @cached_property
    def _tones(self) -> npt.NDArray[np.float64]:
        """Power of the steady tones in each 1.5 s, `(blocks,)`."""
        padded = np.pad(self._samples, (_TONE_FFT // 2, _TONE_FFT))
        framed = sliding_window_view(padded, _TONE_FFT)[::_HOP][: self.frames]
        window = np.hanning(_TONE_FFT + 1)[:-1]
        low, high = (round(hz * _TONE_FFT / SAMPLE_RATE_HZ) for hz in (_TONE_LOW_HZ, _TONE_HIGH_HZ))
        blocks = []
        for start in range(0, self.frames, _TONE_BLOCK):
            # The last block is as long as the others, as far as there is that much.
            start = max(min(start, self.frames - _TONE_BLOCK), 0)
            spectra = np.square(np.abs(np.fft.rfft(framed[start : start + _TONE_BLOCK] * window)))
            blocks.append(_steady_power(spectra, low, high) * 2 / (_TONE_FFT * np.square(window).sum()))
        return np.array(blocks)


def _snr_db(powers: npt.NDArray[np.float64], speech: npt.NDArray[np.bool_]) -> float:
    """Estimate how far the speech frames stand above the others."""
    if not speech.any():
        return 0.0
    quiet = max(1, int(len(powers) * _QUIETEST_SHARE))
    others = powers[~speech] if np.count_nonzero(~speech) >= quiet else np.sort(powers)[:quiet]
    noise = max(float(np.percentile(others, _NOISE_PERCENTILE)), _SILENT_POWER)
    clean = max(float(powers[speech].mean()) - noise, _SILENT_POWER)
    return float(np.clip(10 * np.log10(clean / noise), 0.0, _MOST_SNR_DB))


def _flat_tops(samples: Samples) -> npt.NDArray[np.bool_]:
    """Tell which samples, `(samples,)`, belong to a run at the peak of the recording."""
    magnitudes = np.abs(samples)
    at_peak = (magnitudes >= _CLIPPED * magnitudes.max()) & (magnitudes > 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], at_peak, [False]]).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    flat = np.zeros(len(samples), dtype=bool)
    flat[at_peak] = np.repeat(lengths >= _CLIPPED_RUN, lengths)
    return flat


def _steady_power(spectra: npt.NDArray[np.float64], low: int, high: int) -> float:
    """Return the power in bins that stand out in the quietest moments of a block, where a voice has no harmonics.

    Args:
        spectra: Power spectra, `(frames, bins)`.
        low: First bin that counts.
        high: Bin behind the last one that counts.
    """
    quietest = np.argsort(spectra.sum(axis=1), kind="stable")[:_TONE_QUIETEST]
    bed = np.median(spectra[quietest], axis=0)
    padded = np.pad(bed, _TONE_NEIGHBOURS, mode="reflect")
    around = np.median(sliding_window_view(padded, 2 * _TONE_NEIGHBOURS + 1), axis=1)
    tones = bed > _TONE_RATIO * np.maximum(around, _TINY)
    return float(bed[low:high][tones[low:high]].sum())


def _batches(frames: npt.NDArray[np.float64]) -> Iterator[npt.NDArray[np.float64]]:
    for start in range(0, len(frames), _BATCH_FRAMES):
        yield frames[start : start + _BATCH_FRAMES]
