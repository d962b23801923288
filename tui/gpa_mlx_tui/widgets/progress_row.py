"""How far something is, in one row."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from gpa_mlx_tui.themes import symbols_of

_BAR = 20


class ProgressRow(Widget):
    """A bar, a share and what is being done; without a known end only the words.

    Args:
        id: Of the widget.
    """

    COMPONENT_CLASSES = {"progress--full", "progress--empty"}  # noqa: RUF012
    DEFAULT_CSS = """
    ProgressRow {
        height: 1;
        .progress--full { color: $primary; }
        .progress--empty { color: $foreground 30%; }
    }
    """

    def __init__(self, words: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._share: float | None = None
        self._words = words

    @property
    def words(self) -> str:
        """What it says."""
        return self._words

    def show(self, words: str, share: float | None = None) -> None:
        """Say how far it is.

        Args:
            words: What is being done; add the time that is left where it is known.
            share: 0 to 1; None draws no bar.
        """
        if (words, share) != (self._words, self._share):
            self._words, self._share = words, share
            self.refresh()

    def render(self) -> Text:
        """Draw the row."""
        words = Text(self._words, style=self.rich_style, no_wrap=True, end="")
        if self._share is None:
            return words
        symbols = symbols_of(self.app)
        filled = round(min(max(self._share, 0.0), 1.0) * _BAR)
        return Text.assemble(
            (symbols.full * filled, self.get_component_rich_style("progress--full")),
            (symbols.empty * (_BAR - filled), self.get_component_rich_style("progress--empty")),
            f" {self._share:4.0%}  ",
            words,
            no_wrap=True,
            end="",
        )
