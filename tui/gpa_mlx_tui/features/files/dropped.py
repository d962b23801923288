"""Paths as they come into a terminal: typed, pasted, dragged from a file manager."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable


def parse_paths(text: str, exists: Callable[[str], bool]) -> list[str]:
    r"""Return the paths in a text, each as a program may open it, but for a `~` at its beginning.

    Dragged files come with backslashes before blanks, in quotes or as `file://` addresses, several on one line or one
    on each; a path that is copied as text comes bare, blanks and all.

    Args:
        text: One or more lines.
        exists: Tells whether there is such a file or folder.
    """
    found: list[str] = []
    for line in text.splitlines():
        bare = line.strip().strip("\0")
        if bare:
            found += [bare] if exists(bare) else [_path_of(word) for word in _words(bare)]
    return found


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a lone quote is a part of a name
        lexer = shlex.shlex(line, posix=True)
        lexer.whitespace_split, lexer.quotes, lexer.commenters = True, "", ""
        try:
            return list(lexer)
        except ValueError:  # so is a backslash at the end
            return [line]


def _path_of(word: str) -> str:
    if not word.lower().startswith("file://"):
        return word
    return unquote(urlsplit(word).path) if "#" not in word and "?" not in word else unquote(word[len("file://") :])
