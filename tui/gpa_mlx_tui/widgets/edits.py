"""Changes of a text by the program: each is one edit, which Ctrl+Z takes back.

Setting `TextArea.text` instead would forget what can be taken back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.widgets import TextArea


def replace_text(area: TextArea, text: str, *, keeping: int = 0) -> None:
    """Replace the text of an area.

    Args:
        area: It; its cursor is at the end of the text then.
        text: The new text.
        keeping: So many characters from the beginning stay, and `text` follows them.
    """
    kept = area.text[:keeping]
    start = (kept.count("\n"), len(kept) - (kept.rfind("\n") + 1))
    area.history.checkpoint()
    area.replace(text, start, area.document.end, maintain_selection_offset=False)
    area.history.checkpoint()
    area.move_cursor(area.document.end)
