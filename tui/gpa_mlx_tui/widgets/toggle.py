"""A check box that can be read without colours."""

from __future__ import annotations

from textual.widgets import Checkbox


class Toggle(Checkbox):
    """`[x] Label` or `[ ] Label`.

    Args:
        label: What it switches.
        value: Whether it is on at first.
        id: Of the widget.
        tooltip: One sentence.
    """

    DEFAULT_CSS = """
    Toggle.-textual-compact {
        background: transparent;
        & > .toggle--button, &.-on > .toggle--button { color: $foreground; background: transparent; }
        &:focus > .toggle--button, &:hover > .toggle--button { color: $primary; background: transparent; }
    }
    """
    # Textual draws what is left and right of the mark in the mark's background colour.
    BUTTON_LEFT = ""
    BUTTON_RIGHT = ""

    def __init__(self, label: str, value: bool = False, *, id: str | None = None, tooltip: str | None = None) -> None:
        super().__init__(label, value, id=id, compact=True, tooltip=tooltip)
        self._mark()

    def watch_value(self) -> None:
        """Show the new state, and tell of it as every check box does."""
        self._mark()
        super().watch_value()

    def _mark(self) -> None:
        self.BUTTON_INNER = "[x]" if self.value else "[ ]"
