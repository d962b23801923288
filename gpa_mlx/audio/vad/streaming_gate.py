"""The decisions of `EnergyGate` for live sources: the same, but each as soon as it is certain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gpa_mlx.audio.vad.detector import Frames, Mask, PendingDecisions, no_decisions
from gpa_mlx.audio.vad.energy_gate import EnergyGate


class StreamingEnergyGate(EnergyGate):
    """Decides as `EnergyGate` does, which waits for 2 s of future, but where possible sooner.

    The floor of a frame is known to lie between two bounds: what comes can only raise it above the minimum of the past,
    and only lower the minimum of the future. What does not rise above the lower bound is no speech, what rises above
    the upper one is. So silence is known at once, and speech soon after the next dip. In the first 2 s of a recording
    there is no lower bound yet.
    """

    @property
    def pending(self) -> PendingDecisions:
        """What is known of the frames that are not decided yet."""
        return self._pending

    def reset(self) -> None:
        """Forget everything: a new recording begins."""
        super().reset()
        # Decisions given out, less those that the 2 s of future have confirmed.
        self._early = 0
        self._pending = PendingDecisions()

    def push(self, frames: Frames) -> Mask:
        """Take `(frames, frame_samples)` and return the decisions that are certain now."""
        made = super().push(frames)
        certain, possible = self._bounds()
        open_questions = np.flatnonzero(possible & ~certain)
        known = np.concatenate([made, certain[: open_questions[0]] if len(open_questions) else certain])
        given_out = max(self._early, len(known))
        self._pending = PendingDecisions(certain[given_out - len(made) :], possible[given_out - len(made) :])
        decisions = known[self._early :]
        self._early = given_out - len(made)
        return decisions

    def flush(self) -> Mask:
        """Return the remaining decisions; the recording has ended."""
        self._pending = PendingDecisions()
        return super().flush()[self._early :]

    def _bounds(self) -> tuple[Mask, Mask]:
        """Return which of the frames without 2 s of future are certain, and which possible speech."""
        levels = self._levels[self._undecided :]
        if not len(levels):
            return no_decisions(), no_decisions()
        lowest = self._floors(self._undecided, len(self._levels))
        highest = np.maximum(lowest, np.minimum.accumulate(levels[::-1])[::-1])
        above_lowest = levels - lowest
        above_lowest[: max(0, self._config.floor_window_frames - self._undecided)] = np.inf
        certain, possible = self._supposing(levels - highest), self._supposing(above_lowest)
        # The first frames of all have no level and are no speech; of the last it is open whether the gate opens.
        first = self._config.smoothing_frames - 1 if self._warming_up else 0
        waiting = self._loud_run + len(levels)
        return (
            np.pad(certain, (first, waiting - len(certain))),
            np.concatenate([np.zeros(first, dtype=bool), possible, np.ones(waiting - len(possible), dtype=bool)]),
        )

    def _supposing(self, above_db: npt.NDArray[np.float64]) -> Mask:
        """Return the decisions there would be if these levels above the floor were final."""
        state = self._is_open, self._loud_run
        mask = self._hysteresis(above_db)
        self._is_open, self._loud_run = state
        return mask
