"""Text from strangers, made harmless for terminals.

File names, models, sidecars and decoded tokens may hold characters that a terminal obeys instead of showing them: an
escape sequence (ECMA-48) sets the title, clears the screen, or writes the clipboard (OSC 52); bidirectional controls
(UAX 9) let a name read as another one. Everything that is written for people goes through `printable`.
"""

from __future__ import annotations

import json
import re

_OBEYED = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff"  # surrogates: bytes of a file name that are not UTF-8
    "\U000e0000-\U000e007f"  # tags, which nothing draws
)
_UNSAFE = re.compile(f"[{_OBEYED}]")


def is_printable(text: str) -> bool:
    """Return whether a terminal draws a text and does nothing else; tabs and line feeds are harmless."""
    return _UNSAFE.search(text) is None


def printable(text: str) -> str:
    r"""Return a text with everything that a terminal would obey spelled out: `\x1b` for an escape."""
    return _UNSAFE.sub(lambda match: _spelled(match[0]), text)


def printable_line(text: str) -> str:
    r"""Return as `printable`, on one line: a line feed in a file name would make a line that looks like ours."""
    return printable(text).replace("\n", r"\n").replace("\t", r"\t")


def without_controls(text: str) -> str:
    """Return a text without everything that a terminal would obey."""
    return _UNSAFE.sub("", text)


def to_json(document: object, *, indent: int | None = None) -> str:
    r"""Return JSON that is safe in a terminal: what it would obey is escaped as `\u009b`.

    Raises:
        ValueError: A number is not finite.
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=indent)
    # Outside of strings JSON has no such characters, and inside every character may be escaped.
    return _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text)


def _spelled(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # the byte that Python put there (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
