"""How well a recording suits a voice, a row for each thing that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widget import Widget

from gpa_mlx.voices.coaching import TOPICS
from gpa_mlx_tui.features.voice.coaching import HOW_TO
from gpa_mlx_tui.themes import symbols_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.voices.coaching import Advice


class QualityPanel(Widget):
    """A sign, a topic and a few words in each row; before anything was heard, how to make a good recording.

    Args:
        id: Of the widget.
    """

    COMPONENT_CLASSES = {"quality--good", "quality--fair", "quality--bad"}  # noqa: RUF012
    DEFAULT_CSS = f"""
    QualityPanel {{
        height: {len(TOPICS)};
        .quality--good {{ color: $success; }}
        .quality--fair {{ color: $warning; }}
        .quality--bad {{ color: $error; text-style: bold; }}
    }}
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._advice: tuple[Advice, ...] = ()

    @property
    def advice(self) -> tuple[Advice, ...]:
        """What it says."""
        return self._advice

    def show(self, advice: Sequence[Advice]) -> None:
        """Say this; nothing: how to begin."""
        if tuple(advice) != self._advice:
            self._advice = tuple(advice)
            self.refresh()

    def render(self) -> Text:
        """Draw the rows."""
        if not self._advice:
            return Text(HOW_TO, style=self.rich_style)
        symbols = symbols_of(self.app)
        signs = {"good": symbols.done, "fair": symbols.doubtful, "bad": symbols.failed}
        width = max(map(len, TOPICS)) + 1
        rows = Text(no_wrap=True, end="")
        for number, one in enumerate(self._advice):
            rows.append("\n" if number else "")
            rows.append(f"{signs[one.grade]} ", self.get_component_rich_style(f"quality--{one.grade}"))
            rows.append(f"{one.topic:<{width}}{one.words}", self.rich_style)
        return rows
