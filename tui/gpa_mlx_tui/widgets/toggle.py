"""A check box that can be read without colours."""

from __future__ import annotations

from textual.widgets import Checkbox


class Toggle(Checkbox, inherit_css=False):
    """`[x] Label` or `[ ] Label`. Its few styles are read sooner than Textual's own.

    Args:
        label: What it switches.
        value: Whether it is on at first.
        id: Of the widget.
        tooltip: One sentence.
    """

    COMPONENT_CLASSES = {"toggle--button", "toggle--label"}  # noqa: RUF012
    DEFAULT_CSS = """
    Toggle {
        width: auto;
        background: transparent;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        pointer: pointer;
        & > .toggle--button { color: $foreground; background: transparent; }
        &:focus > .toggle--button, &:hover > .toggle--button { color: $primary; }
        /* Nested: Textual follows the mouse only where a rule for the widget itself has `:hover`. */
        &:blur:hover {
            & > .toggle--label { background: $block-hover-background; }
        }
        &:focus {
            background-tint: $foreground 5%;
            & > .toggle--label {
                color: $block-cursor-foreground;
                background: $block-cursor-background;
                text-style: $block-cursor-text-style;
            }
        }
    }
    """
    # Textual draws what is left and right of the mark in the mark's background colour.
    BUTTON_LEFT = ""
    BUTTON_RIGHT = ""

    def __init__(self, label: str, value: bool = False, *, id: str | None = None, tooltip: str | None = None) -> None:
        super().__init__(label, value, id=id, tooltip=tooltip)
        self._mark()

    def watch_value(self) -> None:
        """Show the new state, and tell of it as every check box does."""
        self._mark()
        super().watch_value()

    def _mark(self) -> None:
        self.BUTTON_INNER = "[x]" if self.value else "[ ]"
