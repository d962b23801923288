"""Signs that were dictated by their names: "hello comma new line world" becomes "hello," and "World" on the next line.

A recogniser may have written signs of its own around such a name ("Hello, comma, new line."); they give way to the one
that was said. Names that are words of everyday texts too, such as "dash" or "quote", count only in full ("open quote").
"""

from __future__ import annotations

import re

_AFTER = "after"
_OPENING = "opening"
_LINE = "line"

_ENGLISH: dict[str, tuple[str, str]] = {
    "comma": (",", _AFTER),
    "period": (".", _AFTER),
    "full stop": (".", _AFTER),
    "question mark": ("?", _AFTER),
    "exclamation mark": ("!", _AFTER),
    "exclamation point": ("!", _AFTER),
    "colon": (":", _AFTER),
    "semicolon": (";", _AFTER),
    "semi colon": (";", _AFTER),
    "open quote": ("\u201c", _OPENING),
    "close quote": ("\u201d", _AFTER),
    "end quote": ("\u201d", _AFTER),
    "unquote": ("\u201d", _AFTER),
    "open parenthesis": ("(", _OPENING),
    "close parenthesis": (")", _AFTER),
    "open bracket": ("(", _OPENING),
    "close bracket": (")", _AFTER),
    "new line": ("\n", _LINE),
    "newline": ("\n", _LINE),
    "new paragraph": ("\n\n", _LINE),
}
_CHINESE: dict[str, tuple[str, str]] = {
    "\u9017\u53f7": ("\uff0c", _AFTER),
    "\u53e5\u53f7": ("\u3002", _AFTER),
    "\u95ee\u53f7": ("\uff1f", _AFTER),
    "\u611f\u53f9\u53f7": ("\uff01", _AFTER),
    "\u5192\u53f7": ("\uff1a", _AFTER),
    "\u5206\u53f7": ("\uff1b", _AFTER),
    "\u987f\u53f7": ("\u3001", _AFTER),
    "\u7701\u7565\u53f7": ("\u2026\u2026", _AFTER),
    "\u5de6\u5f15\u53f7": ("\u201c", _OPENING),
    "\u53f3\u5f15\u53f7": ("\u201d", _AFTER),
    "\u5de6\u62ec\u53f7": ("\uff08", _OPENING),
    "\u53f3\u62ec\u53f7": ("\uff09", _AFTER),
    "\u53e6\u8d77\u4e00\u6bb5": ("\n\n", _LINE),
    "\u53e6\u8d77\u4e00\u884c": ("\n", _LINE),
    "\u6362\u884c": ("\n", _LINE),
}

_SIGNS = ",.;:!?\uff0c\u3002\uff1b\uff1a\uff01\uff1f\u3001"
_ENDS = ".!?\u3002\uff01\uff1f"
_NAMES = {**_ENGLISH, **_CHINESE}
_ENGLISH_NAME = "|".join(re.escape(name).replace(r"\ ", r"[\s-]+") for name in sorted(_ENGLISH, key=len, reverse=True))
_CHINESE_NAME = "|".join(sorted(_CHINESE, key=len, reverse=True))
_SAID = re.compile(
    rf"(?P<lead>[\s{_SIGNS}]*)(?:\b(?P<english>{_ENGLISH_NAME})\b|(?P<chinese>{_CHINESE_NAME}))[{_SIGNS}]*[^\S\n]*",
    re.IGNORECASE,
)
_SPACE_BEFORE_SIGN = re.compile(rf"[^\S\n]+(?=[\n{_SIGNS})\u201d]|$)")
_DOUBLE_SPACE = re.compile(r" {2,}(?=[\u201c(])")
_SENTENCE_START = re.compile(r"(?:[.!?][\u201d)]?[^\S\n]+|\n)[\u201c(]?[a-z]")


def write_punctuation(text: str) -> str:
    """Return a text with the signs in the place of their names; a text without such names is returned as it is.

    Args:
        text: English or Chinese.
    """
    if not _SAID.search(text):
        return text
    written = _DOUBLE_SPACE.sub(" ", _SPACE_BEFORE_SIGN.sub("", _SAID.sub(_written, text))).strip(" ")
    return _SENTENCE_START.sub(lambda found: found[0][:-1] + found[0][-1].upper(), written)


def _written(match: re.Match[str]) -> str:
    """Return what stands for one name and the signs around it."""
    is_chinese = match["chinese"] is not None
    sign, kind = _NAMES[match["chinese"] or re.sub(r"[\s-]+", " ", match["english"].lower())]
    lead = "".join(match["lead"].split())
    if kind == _AFTER:
        return sign if is_chinese else f"{sign} "
    if kind == _OPENING:
        return lead + sign if is_chinese else f"{lead} {sign}"
    return "".join(each for each in lead if each in _ENDS) + sign
