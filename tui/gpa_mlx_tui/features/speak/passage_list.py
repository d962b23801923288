"""The passages that have been spoken, and how well each was understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import OptionList
from textual.widgets.option_list import Option

from gpa_mlx_tui.themes import symbols_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.synthesis.long_form import SpokenPassage

_UNDERSTOOD = 0.05
"""Most of the error rate of a passage that was understood."""


class PassageList(OptionList):
    """A row for each passage.

    Args:
        id: Of the widget.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, markup=False)

    def add(self, passage: SpokenPassage) -> None:
        """List one more."""
        self.add_option(Option(self._line(passage)))

    def show_all(self, passages: Sequence[SpokenPassage], highlighted: int) -> None:
        """List these instead of what is there: one was said again, and the later ones have moved."""
        self.clear_options()
        self.add_options([Option(self._line(passage)) for passage in passages])
        self.highlighted = highlighted

    def _line(self, passage: SpokenPassage) -> str:
        symbols = symbols_of(self.app)
        error_rate = passage.error_rate
        is_good = passage.finish_reason == "stop" and (error_rate or 0.0) <= _UNDERSTOOD
        score = "not verified" if error_rate is None else f"{max(1 - error_rate, 0):.0%} understood"
        sign = symbols.done if is_good else symbols.doubtful
        text = " ".join(passage.text.split())
        minutes, seconds = divmod(int(passage.start_s), 60)
        ending = "" if passage.finish_reason == "stop" else f" ({passage.finish_reason})"
        return f"{sign} {minutes}:{seconds:02}  {score:<15}{ending} {text}"
