"""What a report must not tell: who sits at the computer, what it is called, and where its files are."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SHORTEST_NAME = 2


class Scrubber:
    """Replaces private words in JSON.

    Args:
        places: What to write for paths, which are replaced wherever they occur.
        names: What to write for names, which are replaced as whole words, in upper and lower case.
    """

    def __init__(self, places: Mapping[str, str], names: Mapping[str, str]) -> None:
        # The longest first: a folder below another one has its own word.
        self._places = sorted(places.items(), key=lambda place: len(place[0]), reverse=True)
        self._names = [
            (re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE), word)
            for name, word in names.items()
            if len(name) >= _SHORTEST_NAME
        ]

    def text(self, text: str) -> str:
        """Return a text without private words."""
        for place, word in self._places:
            text = text.replace(place, word)
        for pattern, word in self._names:
            text = pattern.sub(word, text)
        return text

    def document(self, value: Any) -> Any:  # noqa: ANN401
        """Return JSON with all its texts, but not its keys, without private words."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.document(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.document(item) for item in value]
        return value


def this_computer(folder: Path, user: str = "", full_name: str = "") -> Scrubber:
    """Return what to replace here.

    Args:
        folder: Where the first run works.
        user: Name of the account; empty if unknown.
        full_name: Of the person; empty if unknown.
    """
    places = {
        folder: "WORK",
        Path(tempfile.gettempdir()): "TMP",
        Path.home(): "HOME",
        Path(sys.prefix): "PYTHON",
        Path(sys.base_prefix): "PYTHON",
        Path(__file__).parents[3]: "PROGRAM",
        Path.cwd(): "HERE",
    }
    spellings = {spelling: word for place, word in places.items() for spelling in (str(place), os.path.realpath(place))}
    node = platform.node()
    names = {user: "USER", full_name: "USER", node: "HOST", node.partition(".")[0]: "HOST"}
    return Scrubber({place: word for place, word in spellings.items() if len(place) > 1}, names)


def account() -> tuple[str, str]:
    """Return the name of the account and of the person; empty where the system does not say."""
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return os.environ.get("USER", ""), ""
    return entry.pw_name, entry.pw_gecos.partition(",")[0].strip()
