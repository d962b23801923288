"""The segments that have been converted, and how each came out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import OptionList
from textual.widgets.option_list import Option

from gpa_mlx_tui.themes import symbols_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpa_mlx.synthesis.attempt import PassageEnd
    from gpa_mlx.synthesis.conversion import ConvertedSegment

_SAME = 0.05
"""Most of the error rate of a segment whose text was kept."""
_TROUBLES: Mapping[PassageEnd, str] = {
    "length": "cut off: it did not end",
    "loop": "cut off: the model repeated itself",
    "silence": "cut off: the model fell silent",
    "no_codes": "nothing came out; another try may do better",
}


class SegmentList(OptionList):
    """A row for each segment.

    Args:
        id: Of the widget.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, markup=False)

    def add(self, segment: ConvertedSegment) -> None:
        """List one more."""
        symbols = symbols_of(self.app)
        error_rate = segment.error_rate
        trouble = _TROUBLES.get(segment.finish_reason, "")
        if segment.stopped_early and not trouble:
            made_s, asked_s = segment.end_s - segment.start_s, segment.source_end_s - segment.source_start_s
            trouble = f"stopped early, after {made_s:.1f} of {asked_s:.1f} s; another try may do better"
        is_good = not trouble and (error_rate or 0.0) <= _SAME
        facts = (
            "" if error_rate is None else f"{max(1 - error_rate, 0):.0%} of the text kept",
            "" if segment.attempts == 1 else f"{segment.attempts} tries",
            trouble,
        )
        sign = symbols.done if is_good else symbols.doubtful
        place = f"{sign} {_clock(segment.source_start_s)} to {_clock(segment.source_end_s)}"
        self.add_option(Option(f"{place}  {', '.join(fact for fact in facts if fact)}".rstrip()))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
