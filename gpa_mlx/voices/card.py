"""Voice cards: a voice as a short text that survives being pasted into a chat or a mail.

    gpa-mlx voice card, version 1
    name: anna
    family: bicodec-3ee4c26ddb2d
    source: <SHA-256 of the recording>
    window: 1.50 to 7.50 s
    made: 2026-11-21
    consent: The person who made this voice stated that they have the right to use it.
    codes: 236 236 232 ...
    check: 3f2a9c11 4fa21b07c1aa33

What mail and chat programs do to text changes nothing: wrapped lines, quote marks at their beginning, spaces, line
ends, composed or decomposed accents, and words before and after the card. Any other change is refused: the check line
has a sum of the whole, and two digits for every field, which tell the damaged line.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from gpa_mlx.errors import VoiceError
from gpa_mlx.types import Voice, VoiceOrigin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

VERSION = 1
SUFFIX = ".voice"
"""Of a file that holds a card."""

MAX_BYTES = 1023
"""Longest card, in UTF-8."""

_MAX_FILE_BYTES = 65_536
_LINE_WIDTH = 72
_HEADER = re.compile(r"gpa-mlx voice card, version (\d{1,9})")
_QUOTES = re.compile(r"^[\s>|\ufeff]+")
_KEYS = ("name", "family", "description", "source", "window", "made", "consent", "codes", "check")
_FIELD = re.compile(rf"({'|'.join(_KEYS)}):(?:\s+(.*))?")
_ORIGIN_KEYS = ("source", "window", "made")
_SUM_DIGITS = 8
_FIELD_DIGITS = 2


class _Field(NamedTuple):
    """One field as it was read.

    Attributes:
        key: One of `_KEYS`.
        value: Its text, with single spaces.
        line: Number of the line on which it begins, counted from 1 in all of the text.
    """

    key: str
    value: str
    line: int


def format_card(voice: Voice) -> str:
    """Write a card; it ends with a line break.

    Args:
        voice: Its texts get single spaces and composed accents, its times two decimals.

    Raises:
        VoiceError: A value of the voice means nothing, or its texts are too long for a card.
    """
    voice.check(f"the voice {voice.name!r}")
    values = {"name": voice.name, "family": voice.family, "description": voice.description}
    if (origin := voice.origin) is not None:
        values |= {
            "source": origin.source_sha256,
            "window": f"{origin.start_s:.2f} to {origin.end_s:.2f} s",
            "made": origin.made_on,
            "consent": origin.consent,
        }
    values["codes"] = " ".join(map(str, voice.global_tokens))
    fields = [_Field(key, text, 0) for key, value in values.items() if (text := _canonical(value))]
    lines = [f"gpa-mlx voice card, version {VERSION}"]
    for field in fields:
        line = f"{field.key}: {field.value}"
        # Texts stay on one line: a wrapped piece could begin with what looks like a quote mark or a key.
        lines += textwrap.wrap(line, _LINE_WIDTH) if field.key == "codes" else [line]
    card = "\n".join([*lines, f"check: {_check_sum(fields)}", ""])
    if (size := len(card.encode())) > MAX_BYTES:
        raise VoiceError(
            f"The card of the voice '{voice.name}' would have {size} bytes; at most {MAX_BYTES} are allowed.",
            hint="Shorten its name or its description.",
        )
    return card


def parse_card(text: str, source: str) -> Voice:
    """Read the one card in a text.

    Args:
        text: The card, perhaps with other words before and after it.
        source: Where it came from, for error messages.

    Raises:
        VoiceError: There is no card, more than one, one of a newer version, or a damaged one; the message names the
            line.
    """
    lines = [_QUOTES.sub("", line) for line in unicodedata.normalize("NFC", text).splitlines()]
    headers = [(number, match) for number, line in enumerate(lines) if (match := _HEADER.fullmatch(line.rstrip()))]
    if not headers:
        raise VoiceError(
            f"{source} holds no voice card.", hint="A card begins with the line 'gpa-mlx voice card, version 1'."
        )
    if len(headers) > 1:
        raise VoiceError(f"{source} holds {len(headers)} voice cards.", hint="Give one card at a time.")
    start, header = headers[0]
    if int(header[1]) != VERSION:
        raise VoiceError(
            f"{source} holds a voice card of version {header[1]}; this program reads version {VERSION}.",
            hint="Update gpa-mlx, or ask for a card of that version.",
        )
    *fields, check = _fields(lines, start + 1, source)
    # The one long word of a card may be broken anywhere.
    fields = [
        field._replace(value=field.value.replace(" ", "")) if field.key == "source" else field for field in fields
    ]
    _verify(fields, check, source)
    return _voice(fields, source)


def read_card(path: Path) -> Voice:
    """Read a card file.

    Raises:
        VoiceError: It cannot be read, or holds no sound card.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise VoiceError(f"The voice {path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    return decode_card(content, str(path))


def decode_card(content: bytes, source: str) -> Voice:
    """Read the one card in the bytes of a file; arguments and errors as for `parse_card`."""
    if len(content) > _MAX_FILE_BYTES:
        raise VoiceError(f"{source} is too large for a voice card.", hint=f"A card has at most {MAX_BYTES} bytes.")
    try:
        return parse_card(content.decode("utf-8-sig"), source)
    except UnicodeDecodeError as error:
        raise VoiceError(f"{source} is not a voice card: it is not UTF-8 text.", hint="Save it as UTF-8.") from error


def _fields(lines: Sequence[str], start: int, source: str) -> list[_Field]:
    """Return the fields from line index `start` on; the last one is the check."""
    fields: list[_Field] = []
    for number, line in enumerate(lines[start:], start=start + 1):
        words = _canonical(line)
        match = _FIELD.fullmatch(words)
        if match is None:
            if not words:
                continue
            if not fields:
                raise _damaged(source, number, "it should begin with 'name:'")
            fields[-1] = fields[-1]._replace(value=f"{fields[-1].value} {words}".strip())
            continue
        key = match[1]
        if fields and _KEYS.index(key) <= _KEYS.index(fields[-1].key):
            raise _damaged(source, number, f"'{key}' does not belong after '{fields[-1].key}'")
        fields.append(_Field(key, match[2] or "", number))
        if key == "check":
            return fields
    raise VoiceError(f"{source} ends before the voice card does: the line 'check:' is missing.", hint=_AGAIN)


def _verify(fields: Sequence[_Field], check: _Field, source: str) -> None:
    expected, given = _check_sum(fields).replace(" ", ""), check.value.replace(" ", "").lower()
    if given == expected:
        return
    if len(given) != len(expected):
        held, rest = divmod(len(given) - _SUM_DIGITS, _FIELD_DIGITS)
        problem = f"the check is for {held} fields, and the card has {len(fields)}"
        raise _damaged(source, check.line, "the check is mangled" if rest or held < 1 else problem)
    for index, field in enumerate(fields):
        place = slice(_SUM_DIGITS + _FIELD_DIGITS * index, _SUM_DIGITS + _FIELD_DIGITS * (index + 1))
        if given[place] != expected[place]:
            raise _damaged(source, field.line, f"'{field.key}' is not what was written")
    raise _damaged(source, check.line, "the check does not fit the card")


def _voice(fields: Sequence[_Field], source: str) -> Voice:
    """Make the voice of fields that are as they were written, by this program or by hand."""
    found = {field.key: field for field in fields}
    for key in ("name", "codes", *(_ORIGIN_KEYS if found.keys() & {*_ORIGIN_KEYS, "consent"} else ())):
        if key not in found:
            raise VoiceError(f"{source} is not a voice card: '{key}' is missing.", hint=_AGAIN)
    codes = found["codes"].value.split()
    if not all(re.fullmatch(r"[0-9]{1,10}", code) for code in codes):
        raise _damaged(source, found["codes"].line, "'codes' must be numbers")
    texts = {key: field.value for key, field in found.items()}
    origin = None
    if "source" in found:
        times = re.fullmatch(r"(\d+\.\d\d) to (\d+\.\d\d) s", texts["window"], re.ASCII)
        if times is None:
            raise _damaged(source, found["window"].line, "'window' must be like '1.50 to 7.50 s'")
        origin = VoiceOrigin(
            source_sha256=texts["source"],
            start_s=float(times[1]),
            end_s=float(times[2]),
            made_on=texts["made"],
            consent=texts.get("consent", ""),
        )
    voice = Voice(
        name=texts["name"],
        global_tokens=tuple(map(int, codes)),
        family=texts.get("family", ""),
        description=texts.get("description", ""),
        origin=origin,
    )
    voice.check(source)
    return voice


def _check_sum(fields: Sequence[_Field]) -> str:
    texts = [f"{field.key}: {field.value}".encode() for field in fields]
    whole = hashlib.sha256(b"\n".join(texts)).hexdigest()[:_SUM_DIGITS]
    return f"{whole} {''.join(hashlib.sha256(text).hexdigest()[:_FIELD_DIGITS] for text in texts)}"


def _canonical(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


_AGAIN = "Copy the whole card again, or ask for it again."


def _damaged(source: str, line: int, problem: str) -> VoiceError:
    return VoiceError(f"{source} is not a whole voice card: line {line}: {problem}.", hint=_AGAIN)
