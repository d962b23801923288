"""A button that is one row high."""

from __future__ import annotations

from textual import widgets
from textual.content import Content, ContentText


class Button(widgets.Button, inherit_css=False):
    """Textual's button with few styles: reading its own ones takes longer than reading all others of the app.

    It does not grow with its words: those whose words change have room for the longest.
    """

    DEFAULT_CSS = """
    Button {
        width: auto;
        min-width: 8;
        height: auto;
        line-pad: 1;
        text-align: center;
        content-align: center middle;
        text-style: bold;
        color: $button-foreground;
        background: $surface;
        pointer: pointer;

        &:hover { background: $surface-darken-1; }
        &:focus { text-style: $button-focus-text-style; background-tint: $foreground 5%; }
        &:disabled { text-opacity: 0.6; pointer: not-allowed; }
        &.-active { background: $surface; tint: $background 30%; }
        &.-primary {
            color: $button-color-foreground;
            background: $primary;
            &:hover { background: $primary-darken-2; }
            &.-active { background: $primary; }
            /* Reversed, as other buttons are when they have the focus, it would look like a word. */
            &:focus { text-style: bold underline; }
        }
        /* What it does cannot be taken back. */
        &.-error {
            color: $background;
            background: $error;
            &:hover { background: $error-darken-2; }
            &.-active { background: $error; }
            &:focus { text-style: bold underline; }
        }
    }
    """

    def validate_label(self, label: ContentText) -> Content:
        """Take a text as it is: the names of folders and voices are no markup, in which a click could be an action."""
        return Content(label) if isinstance(label, str) else Content.from_text(label)
