"""Where the app says what happened: lines above the keys, which take their room from the mode and cover nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from rich.text import Text
from textual.widget import Widget

from gpa_mlx_tui.themes import symbols_of

if TYPE_CHECKING:
    from textual.events import Click
    from textual.geometry import Size
    from textual.timer import Timer

Severity: TypeAlias = Literal["information", "warning", "error"]

_MOST_LINES = 8
_MOST_SHARE = 3
"""A third of the screen at most."""


class MessageLine(Widget):
    """What was said last, until its time is over or it is clicked; nothing has no height."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"message--information", "message--warning", "message--error"}
    DEFAULT_CSS = """
    MessageLine {
        height: auto;
        display: none;
        padding: 0 1;
        background: $panel;
        .message--information { color: $foreground; }
        .message--warning { color: $warning; text-style: bold; }
        .message--error { color: $error; text-style: bold; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: list[tuple[str, Severity, float]] = []
        self._timer: Timer | None = None

    @property
    def text(self) -> str:
        """What is shown."""
        return "\n".join(words for words, _, _ in self._said)

    def say(self, words: str, severity: Severity, shown_s: float) -> None:
        """Show a message beside those whose time is not over.

        Args:
            words: May have several lines.
            severity: How bad it is.
            shown_s: For how long.
        """
        self._said = [said for said in self._said if said[0] != words]
        self._said.append((words, severity, time.monotonic() + shown_s))
        self._lay_out()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of lines."""
        most = max(min(_MOST_LINES, viewport.height // _MOST_SHARE), 1)
        return min(len(self._lines(width)), most) if self._said else 0

    def render(self) -> Text:
        """Draw the lines, the newest message last."""
        lines = self._lines(self.size.width)[-max(self.size.height, 1) :]
        return Text("\n").join(lines)

    def on_click(self, event: Click) -> None:
        """Take the messages away."""
        event.stop()
        self._said = []
        self._lay_out()

    def _lines(self, width: int) -> list[Text]:
        """Return all lines; of messages that are too long together, the oldest go first."""
        symbols = symbols_of(self.app)
        lines: list[Text] = []
        for words, severity, _ in self._said:
            sign = symbols.dot if severity == "information" else symbols.doubtful
            text = Text(f"{sign} {words}", self.get_component_rich_style(f"message--{severity}"))
            lines += text.wrap(self.app.console, max(width, 1))
        return lines

    def _lay_out(self) -> None:
        self.display = bool(self._said)
        self.refresh(layout=True)
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._said:
            next_s = min(until for _, _, until in self._said) - time.monotonic()
            self._timer = self.set_timer(max(next_s, 0.01), self._forget)

    def _forget(self) -> None:
        now = time.monotonic()
        self._said = [said for said in self._said if said[2] > now]
        self._timer = None
        self._lay_out()
