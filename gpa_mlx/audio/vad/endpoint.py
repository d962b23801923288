"""Whether somebody speaks right now, for those who wait for a pause."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.vad.energy_gate import EnergyGate, EnergyGateConfig
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.types import Samples

# It looks 0.5 s ahead and not 2 s, because somebody waits for its answer.
_GATE = EnergyGateConfig(floor_window_frames=25)


class EndpointDetector:
    """Follows sound as it comes; what its attributes say is true of half a second ago.

    Attributes:
        spoke: Somebody has spoken since the beginning.
        silent_s: For how long nobody has spoken; since the beginning if nobody did.
    """

    def __init__(self) -> None:
        self._gate = EnergyGate(_GATE)
        self._rest = np.empty(0)
        self.spoke = False
        self.silent_s = 0.0

    @property
    def is_quiet(self) -> bool:
        """Whether the last half second, too, sounds as if nobody speaks."""
        return not copy.deepcopy(self._gate).flush().any()

    def push(self, block: Samples) -> None:
        """Take the next block, `(samples,)` float64 at 16 kHz."""
        joined = np.concatenate([self._rest, block])
        frame = self._gate.frame_samples
        whole = len(joined) // frame
        self._rest = joined[whole * frame :]
        mask = self._gate.push(joined[: whole * frame].reshape(whole, frame))
        frame_s = frame / SAMPLE_RATE_HZ
        speech = np.flatnonzero(mask)
        if len(speech):
            self.spoke = True
            self.silent_s = (len(mask) - 1 - int(speech[-1])) * frame_s
        else:
            self.silent_s += len(mask) * frame_s
