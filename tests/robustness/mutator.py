"""Inputs that are nearly right: valid ones with random damage, of bytes, of lines, of JSON, and of text."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeAlias

Make: TypeAlias = Callable[[Random], bytes]
"""Makes one input; equal generators make equal inputs."""

MAX_BYTES = 16_384

_INTEGERS = (
    0,
    1,
    2,
    7,
    8,
    9,
    16,
    44,
    127,
    128,
    255,
    256,
    1024,
    32767,
    32768,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
)
_VALUES: tuple[Any, ...] = (
    *(None, True, False, "", "0", "x", [], {}, [[]], [0], [None], {"": None}),
    *(0, 1, -1, 2, 3, 1.5, -0.0, 1e308, -1e308, 1e-320, 2**31, -(2**31), 2**53 + 1, 2**63, 2**64, 10**400, -(10**400)),
    *(float("inf"), float("-inf"), float("nan")),
    *(
        "\0",
        "\n",
        "\ud800",
        "\udfff",
        "é",
        "e\u0301",
        "\u202e",
        "中文",
        "😀",
        "/",
        "..",
        "../x",
        "a/b",
        "C:\\x",
        "~",
        "%s",
    ),
    *("x" * 300, "0" * 400, "2026-02-30", "F32", "float32"),
)
_CHARACTERS = (
    "aZ09 .,;:!?-_'\"()[]{}<>=#/\\|@$%&*+~^`\t\n\r\0\v\x1c\x7f\x85\xa0\xad\u0301\u200b\u200d\u202e\u2028\ufeff\uffff"
    "éßİıſﬁΣςאب中文，。！？：…“”«»½²①٣๓५٪€£¥₹°µ½\u1100\u1161\u11a8가ｶﾞ０Ａ％😀👩\u200d👩🏽🇩🇪\ud800\udfff\U000e0041\U0010ffff"
)


def mutated_bytes(seeds: Sequence[bytes], words: Sequence[bytes] = ()) -> Make:
    """Return a maker of seeds with one to six changes: bits, integers, pieces, the end, and words put in."""

    def make(draw: Random) -> bytes:
        content = bytearray(draw.choice(seeds))
        for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
            _change_bytes(content, draw, seeds, words)
        return bytes(content[:MAX_BYTES])

    return make


def mutated_json(seeds: Sequence[Any], words: Sequence[Any] = ()) -> Make:
    """Return a maker of JSON documents: seeds with values replaced, keys dropped or renamed, and damaged bytes.

    Args:
        seeds: Documents.
        words: Values of which some would be understood.
    """

    def make(draw: Random) -> bytes:
        document = copy.deepcopy(draw.choice(seeds))
        for _ in range(draw.choice((1, 1, 1, 2, 4))):
            document = _changed(document, draw, words)
        content = bytearray(json.dumps(document, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass"))
        if draw.random() < 0.2:
            _change_bytes(
                content, draw, [bytes(content)], [b"[" * 3000, b'{"a":' * 3000, b"9" * 5000, b"1e999", b"NaN"]
            )
        return bytes(content)

    return make


def mutated_lines(seeds: Sequence[str], words: Sequence[str] = ()) -> Make:
    """Return a maker of texts with lines dropped, repeated, moved, joined and changed; UTF-8, mostly."""

    def make(draw: Random) -> bytes:
        lines = draw.choice(seeds).split("\n")
        for _ in range(draw.choice((1, 1, 2, 3, 5))):
            place = draw.randrange(len(lines))
            action = draw.randrange(7)
            if action == 0 and len(lines) > 1:
                del lines[place]
            elif action == 1:
                lines.insert(place, draw.choice(lines))
            elif action == 2:
                draw.shuffle(lines)
            elif action == 3 and place:
                lines[place - 1 : place + 1] = [lines[place - 1] + lines[place]]
            elif action == 4:
                lines[place] = draw.choice(words) if words else draw_text(draw, 20)
            else:
                lines[place] = changed_text(lines[place], draw, words)
        content = bytearray(draw.choice(("\n", "\n", "\n", "\r\n", "\r")).join(lines).encode("utf-8", "surrogatepass"))
        if draw.random() < 0.15:
            _change_bytes(content, draw, [bytes(content)], [b"\xff", b"\xef\xbb\xbf", b"\xfe\xff", b"\xed\xa0\x80"])
        return bytes(content)

    return make


def mutated_text(seeds: Sequence[str]) -> Make:
    """Return a maker of texts in any characters, halves of surrogate pairs among them."""

    def make(draw: Random) -> bytes:
        text = draw_text(draw, 60) if draw.random() < 0.3 else draw.choice(seeds)
        for _ in range(draw.choice((1, 2, 3, 6))):
            text = changed_text(text, draw, seeds)
        return text[:2000].encode("utf-8", "surrogatepass")

    return make


def either(*makers: Make) -> Make:
    """Return a maker that leaves each input to one of several."""
    return lambda draw: draw.choice(makers)(draw)


def text_of(content: bytes) -> str:
    """Return the text of an input made by `mutated_text`."""
    return content.decode("utf-8", "surrogatepass")


def draw_text(draw: Random, most: int) -> str:
    """Return up to `most` characters of all kinds."""
    return "".join(draw.choices(_CHARACTERS, k=draw.randint(0, most)))


def changed_text(text: str, draw: Random, words: Sequence[str]) -> str:
    """Return a text with one change."""
    start = draw.randint(0, len(text))
    end = min(len(text), start + draw.choice((0, 1, 2, 5, 20)))
    action = draw.randrange(5)
    if action == 0:
        new = ""
    elif action == 1:
        new = text[start:end] * draw.choice((2, 3, 30))
    elif action == 2 and words:
        new = draw.choice(words)[:200]
    elif action == 3:
        new = draw_text(draw, 5)
    else:
        new = chr(draw.choice((draw.randrange(0x80), draw.randrange(0x3000), draw.randrange(0x110000))))
    return text[:start] + new + text[end:]


def _change_bytes(content: bytearray, draw: Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> None:
    start = draw.randint(0, len(content))
    end = min(len(content), start + draw.choice((1, 2, 4, 8, 64)))
    action = draw.randrange(8)
    if action == 0 and content:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    elif action == 1:
        size, order = draw.choice((1, 2, 4, 8)), draw.choice(("little", "big"))
        content[start : start + size] = (draw.choice(_INTEGERS) % (1 << 8 * size)).to_bytes(size, order)
    elif action == 2:
        del content[start:end]
    elif action == 3:
        content[start:start] = content[start:end] * draw.choice((1, 2, 16))
    elif action == 4:
        del content[start:]
    elif action == 5:
        other = draw.choice(seeds)
        content[start:] = other[draw.randint(0, len(other)) :]
    elif action == 6 and words:
        word = draw.choice(words)
        content[start : start + draw.choice((0, len(word)))] = word
    else:
        content[start:end] = draw.randbytes(end - start)


def _changed(document: Any, draw: Random, words: Sequence[Any]) -> Any:
    """Return a document with one change at a random depth."""
    if isinstance(document, dict) and document and draw.random() < 0.85:
        key = draw.choice(list(document))
        action = draw.randrange(8)
        if action == 0:
            del document[key]
        elif action == 1:
            document[draw.choice(("", "x", "\ud800", "__metadata__", key + "x"))] = document.pop(key)
        elif action == 2:
            document[draw.choice(list(document))] = document[key]
        else:
            document[key] = _changed(document[key], draw, words)
        return document
    if isinstance(document, list) and document and draw.random() < 0.7:
        place = draw.randrange(len(document))
        action = draw.randrange(5)
        if action == 0:
            del document[place]
        elif action == 1:
            document.insert(place, copy.deepcopy(document[place]))
        else:
            document[place] = _changed(document[place], draw, words)
        return document
    if isinstance(document, str) and draw.random() < 0.4:
        return changed_text(document, draw, ())
    if type(document) is int and draw.random() < 0.3:
        return document + draw.choice((-1, 1, 2**31, 2**62))
    if draw.random() < 0.05:
        return [[document]]
    return copy.deepcopy(draw.choice((*words, *_VALUES)))
