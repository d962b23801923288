"""Where to cut long audio so that no word is hurt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SILENCE_S = 0.2
_DIP_S = 0.1
_LATE_SHARE = 2 / 3
_EARLY_SHARE = 1 / 6

# A frame is silent when it lies in the lowest quarter between the quiet and the loud frames, on the dB scale.
_QUIET_PERCENTILE, _LOUD_PERCENTILE = 5, 90
_SILENT_SHARE = 0.25
_LEAST_RISE_DB = 3.0
_DEEPEST_DB = -60.0


def quietest_cut(powers: npt.NDArray[np.float64], *, frame_s: float) -> int:
    """Choose a cut in the middle of a silence, or of the quietest moment where there is none.

    The longest silence of at least 0.2 s in the last third wins; without one, the last silence before it; without any,
    the quietest 0.1 s of the last third.

    Args:
        powers: Mean-square power per frame, `(frames,)` with `frames >= 1`: all that may belong to the segment.
        frame_s: Length of a frame.

    Returns:
        Number of frames before the cut, `1 <= cut <= frames`.
    """
    late = int(len(powers) * _LATE_SHARE)
    silence_frames = max(1, round(_SILENCE_S / frame_s))
    silent = powers <= _silence_power(powers)
    if runs := _runs(silent, late, silence_frames):
        start, stop = max(runs, key=lambda run: (run[1] - run[0], run[1]))
    elif runs := _runs(silent, int(len(powers) * _EARLY_SHARE), silence_frames):
        start, stop = runs[-1]
    else:
        dip_frames = min(max(1, round(_DIP_S / frame_s)), len(powers) - late)
        start = late + int(np.argmin(np.convolve(powers[late:], np.ones(dip_frames), mode="valid")))
        stop = start + dip_frames
    return max(1, (start + stop) // 2)


def _silence_power(powers: npt.NDArray[np.float64]) -> float:
    quiet_db, loud_db = 10 * np.log10(
        np.maximum(np.percentile(powers, [_QUIET_PERCENTILE, _LOUD_PERCENTILE]), 10 ** (_DEEPEST_DB / 10))
    )
    return 10 ** ((quiet_db + max(_LEAST_RISE_DB, _SILENT_SHARE * (loud_db - quiet_db))) / 10)


def _runs(flags: npt.NDArray[np.bool_], start: int, min_length: int) -> list[tuple[int, int]]:
    """Return the runs of True at or after `start` as (first, one past last), those of at least `min_length`."""
    steps = np.diff(np.concatenate([[False], flags[start:], [False]]).astype(np.int8))
    firsts, stops = np.flatnonzero(steps == 1) + start, np.flatnonzero(steps == -1) + start
    return [(int(first), int(stop)) for first, stop in zip(firsts, stops, strict=True) if stop - first >= min_length]
