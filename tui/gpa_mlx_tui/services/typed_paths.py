r"""Paths as they come into a terminal: typed, pasted, dragged from a file manager.

Terminals and file managers write a dragged file in one of these ways, several files on one line or one on each:

    /a/my\ talk.wav   '/a/my talk.wav'   "/a/my talk.wav"   file:///a/my%20talk.wav   /a/my talk.wav
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_DROPPED_CHARS = 20_000
"""A longer text is no drop of files: it is not looked up whether they exist."""

_MOST_JOINED = 40
"""A path of more words, neither quoted nor escaped and among others on its line, is not pieced together."""


def file_exists(name: str) -> bool:
    """Return whether there is a file or folder of this name, as a shell would read it."""
    try:
        return _expanded(name).exists()
    except (OSError, ValueError):
        return False


def parse_paths(text: str, exists: Callable[[str], bool] = file_exists) -> list[str]:
    r"""Return the paths in a text, each as a program may open it, but for a `~` at its beginning.

    Args:
        text: One or more lines.
        exists: Tells whether there is such a file or folder; it decides whether a blank separates two paths.
    """
    found: list[str] = []
    for line in re.split(r"[\r\n\0]+", text):
        if bare := line.strip():
            whole = _path_of(bare)
            found += [whole] if exists(whole) else _paths_of(bare, exists)
    return found


def typed_paths(text: str) -> tuple[Path, ...]:
    """Return the paths in a text, each as it can be opened; none of them need exist."""
    return tuple(_expanded(name) for name in parse_paths(text))


def typed_path(text: str) -> Path | None:
    """Return the one path that a text is, which need not exist; None when there is nothing, or when it is several."""
    paths = typed_paths(text)
    if len(paths) < 2:
        return paths[0] if paths else None
    # A new name with blanks, or several files: only files that are there, or that are whole paths, are several.
    several = all(path.is_absolute() or file_exists(str(path)) for path in paths) or "\n" in text.strip()
    return None if several else _expanded(text.strip())


def dropped_files(text: str) -> tuple[Path, ...]:
    """Return the files and folders that a paste consists of; nothing when it is, even in part, any other text.

    A dragged file comes with its whole path: a word that happens to be the name of a file here is text.
    """
    if len(text) > _MOST_DROPPED_CHARS or not _begins_like_a_path(text):
        return ()
    paths = typed_paths(text)
    if all(path.is_absolute() and file_exists(str(path)) for path in paths):
        return paths
    return ()


def absolute(path: Path) -> Path:
    """Return the whole path, without `..`: what tells whether two paths name the same file."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - `Path.absolute` keeps `..`


def written_paths(paths: Sequence[Path]) -> str:
    """Return paths as one line, from which `parse_paths` returns them."""
    return str(paths[0]) if len(paths) == 1 else " ".join(shlex.quote(str(path)) for path in paths)


def _expanded(name: str) -> Path:
    """Return a path with the user's home for `~`, and with variables where there is no such name."""
    try:
        path = Path(name).expanduser()
    except RuntimeError:  # there is no such user
        path = Path(name)
    return Path(os.path.expandvars(path)) if "$" in name and not path.exists() else path


def _begins_like_a_path(text: str) -> bool:
    return text.lstrip().lstrip("'\"")[:1] in ("/", "~") or text.lstrip("'\" \r\n\t").lower().startswith("file:/")


def _paths_of(line: str, exists: Callable[[str], bool]) -> list[str]:
    paths = [_path_of(word) for word in _words(line)]
    if all(exists(path) for path in paths):
        return paths
    return _pieced_together(line.split(" "), exists) or paths


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


def _pieced_together(words: Sequence[str], exists: Callable[[str], bool]) -> list[str]:
    """Return paths whose blanks are neither quoted nor escaped; nothing unless all words belong to files there are."""
    found: list[str] = []
    start = 0
    while start < len(words):
        ends = range(min(len(words), start + _MOST_JOINED), start, -1)
        joined = ((end, _path_of(" ".join(words[start:end]).strip())) for end in ends)
        end, path = next(((end, path) for end, path in joined if path and exists(path)), (0, ""))
        if not end:
            return []
        found.append(path)
        start = end
    return found


def _path_of(word: str) -> str:
    """Return the path of a word; that of a `file:` address (RFC 8089) without its host, `%20` being a blank."""
    if not word.lower().startswith("file:/"):
        return word
    if "#" in word or "?" in word:  # not encoded, as some programs write them
        word = word[:5] + word[5:].replace("#", "%23").replace("?", "%3F")
    return os.fsdecode(unquote(urlsplit(word).path, errors="surrogateescape").encode("utf-8", "surrogateescape"))
