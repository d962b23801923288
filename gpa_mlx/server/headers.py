"""Texts of ours in the headers of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.text.printable import printable_line

if TYPE_CHECKING:
    from collections.abc import Iterable


def ignored_header(names: Iterable[str]) -> dict[str, str]:
    """Return the header that says which fields were of no use."""
    listed = ", ".join(map(header_text, names))
    return {"X-Ignored": listed} if listed else {}


def header_text(text: str) -> str:
    """Return a text as a header can have it."""
    return printable_line(text).encode("ascii", "xmlcharrefreplace").decode()
