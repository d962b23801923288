"""What the project's pages show: blocks of commands, code in running text, links and anchors."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SHELLS = ("sh", "bash", "console", "shell")
_FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_ENDS_A_COMMAND = {"|", "||", "&&", ";", "<", ">", ">>", "&"}


class Block(NamedTuple):
    """A fenced block: its language, its text, the heading above it."""

    language: str
    text: str
    heading: str

    @property
    def shell(self) -> str:
        """The commands of a block in a shell's language: in a console, what follows the prompts; else nothing."""
        if self.language == "console":
            return "\n".join(line[2:] for line in self.text.splitlines() if line.startswith("$ "))
        return self.text if self.language in SHELLS else ""


def pages() -> list[Path]:
    """Every page in Markdown that people read."""
    return [
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / ".github").rglob("*.md")),
    ]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    headings = [(match.start(), match[1]) for match in _HEADING.finditer(without_blocks(text))]
    return [
        Block(match[1], match[2], ([title for start, title in headings if start < match.start()] or [""])[-1])
        for match in _FENCE.finditer(text)
    ]


def without_blocks(text: str) -> str:
    """The text with every fenced block blanked out; positions stay."""
    return _FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def code_spans(page: Path) -> list[str]:
    """What stands between backticks in running text."""
    return _CODE.findall(without_blocks(page.read_text(encoding="utf-8")))


def links(page: Path) -> list[str]:
    """Where a page leads, pictures included."""
    text = _CODE.sub("", without_blocks(page.read_text(encoding="utf-8")))
    return _LINK.findall(text)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and mkdocs both make them."""
    titles = _HEADING.findall(without_blocks(page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def commands(shell: str) -> Iterator[list[str]]:
    """The words of each call of `gpa-mlx` in shell text, from the name of the program on."""
    for line in re.sub(r"\\\n", " ", shell).splitlines():
        lexer = shlex.shlex(line.replace("$(which gpa-mlx)", "gpa-mlx"), posix=True, punctuation_chars=True)
        lexer.wordchars += "$"
        lexer.commenters = "#"
        words = list(lexer)
        for start, word in enumerate(words):
            if Path(word).name == "gpa-mlx":
                ends = (end for end in range(start, len(words)) if words[end] in _ENDS_A_COMMAND)
                yield ["gpa-mlx", *words[start + 1 : next(ends, len(words))]]
