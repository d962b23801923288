"""Streaming vocoding: codes one by one to chunks of sound, a short one soon, then fewer and longer ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.dsp.loudness import SETTLE_SAMPLES, DCOffsetRemover
from gpa_mlx.audio.dsp.noise_gate import NoiseGate

if TYPE_CHECKING:
    from gpa_mlx.codec.streaming import StreamingDecoder
    from gpa_mlx.types import Waveform

FIRST_CHUNK_CODES = 10
CHUNK_GROWTH = 1.5
MAX_CHUNK_CODES = 100

LIVE_LOOKAHEAD = 24
"""Codes that speech which is played at once waits for, half a second: with the demo model the sound is then within
-64 dB of the exact one (see `StreamingDecoder`), and starts after 34 codes instead of 50 or more."""


class SpeechChunker:
    """Decodes codes while they are generated.

    The first chunk has 10 codes (0.2 s); it comes when the decoder's lookahead behind them is known. Every further
    chunk has half as many codes again, up to 100 (2 s): few positions are computed twice, and there is no gap as long
    as speech is made 1.5 times as fast as it is played. The last chunk has what is left.

    Args:
        decoder: Decodes; fresh.
        as_reference: Remove the mean of the whole utterance, which leaves all audio to the last chunk, and nothing
            else. Otherwise `DCOffsetRemover`'s rule holds, and pauses are silent (`NoiseGate`).
    """

    def __init__(self, decoder: StreamingDecoder, *, as_reference: bool = False) -> None:
        self._decoder = decoder
        self._mean = DCOffsetRemover(None if as_reference else SETTLE_SAMPLES)
        self._pauses = None if as_reference else NoiseGate()
        self._waiting: list[int] = []
        self._chunk_codes = FIRST_CHUNK_CODES
        self._due = FIRST_CHUNK_CODES + decoder.lookahead

    def push(self, code: int) -> Waveform:
        """Take one code; return the samples of a chunk, whole codes, when one is complete, otherwise none."""
        self._waiting.append(code)
        if len(self._waiting) < self._due:
            return np.zeros(0, dtype=np.float32)
        self._chunk_codes = min(int(self._chunk_codes * CHUNK_GROWTH), MAX_CHUNK_CODES)
        self._due = self._chunk_codes
        return self._silenced(self._mean.step(self._decode_waiting()))

    def finish(self) -> Waveform:
        """Return the samples of all codes that were in no chunk."""
        pieces = [self._decode_waiting(), self._decoder.flush()]
        return self._silenced(np.concatenate([*map(self._mean.step, pieces), self._mean.flush()]))

    def _silenced(self, wave: Waveform) -> Waveform:
        return wave if self._pauses is None else self._pauses.step(wave)

    def _decode_waiting(self) -> Waveform:
        codes, self._waiting = self._waiting, []
        return self._decoder.step(codes)
