"""The text of Dictate: results are put in behind it, each as one edit that Ctrl+Z takes back."""

from __future__ import annotations

from gpa_mlx_tui.widgets.edits import replace_text
from gpa_mlx_tui.widgets.file_fields import TextEntry


class DictatedText(TextEntry):
    """What was dictated, to be corrected."""

    _last = ""

    def take(self, text: str, *, replaces: bool = False) -> None:
        """Put a result behind the text.

        Args:
            text: The result.
            replaces: It takes the place of the last result, if that is still there as it was.
        """
        there = self.text
        if replaces and self._last and there.endswith(self._last):
            replace_text(self, text, keeping=len(there) - len(self._last))
        else:
            gap = "\n" if there and not there.endswith("\n") else ""
            replace_text(self, gap + text, keeping=len(there))
        self._last = text

    def begin_anew(self) -> None:
        """Empty it."""
        replace_text(self, "")
        self._last = ""
