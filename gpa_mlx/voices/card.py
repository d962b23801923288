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

What mail, chat programs and word processors do to text changes nothing: wrapped or indented lines, quote marks at their
beginning, spaces of any kind, line ends, invisible characters, composed or decomposed accents, curly quotes and long
dashes, another encoding, and words before and after the card. Any other change is refused: the check line has a sum of
the whole, and two digits for every field, which tell the damaged line.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
import unicodedata
from itertools import product
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
_HEADER = re.compile(r"gpa-mlx voice card, version ([0-9]{1,9})\.?", re.IGNORECASE)
_QUOTES = re.compile(r"^[\s>|]+")
_LINE_END = re.compile("\r\n|[\n\r\v\f\u0085\u2028\u2029]")
_KEYS = ("name", "family", "description", "source", "window", "made", "consent", "codes", "check")
_FIELD = re.compile(rf"({'|'.join(_KEYS)})\s?[:\uff1a](?:\s+(.*))?", re.IGNORECASE)
_ORIGIN_KEYS = ("source", "window", "made")
_TEXT_KEYS = ("name", "description", "consent")
_TYPOGRAPHY = (
    str.maketrans("\u2018\u2019\u201a\u201b\u2032\u201c\u201d\u201e\u201f\u2033", "'" * 5 + '"' * 5),
    str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212", "-" * 6),
    str.maketrans({"\u2014": "--", "\u2026": "..."}),
)
"""What word processors put in place of what was typed: quotes, hyphens, and two or three signs in one."""

_ENCODINGS = (
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"", "utf-8-sig"),
    (b"", "cp1252"),
)
"""How a card may be saved, by what the file begins with; the check tells whether a guess was right."""

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
    lines = [_QUOTES.sub("", _visible(line)) for line in _LINE_END.split(unicodedata.normalize("NFC", text))]
    headers = [(number, match) for number, line in enumerate(lines) if (match := _HEADER.fullmatch(_plain(line)))]
    if not headers:
        raise _no_card(source)
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
    return _voice(_verified(fields, check, source), source)


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
    problem: VoiceError | None = None
    for start, encoding in _ENCODINGS:
        if content.startswith(start):
            try:
                return parse_card(content.decode(encoding), source)
            except UnicodeDecodeError:
                continue
            except VoiceError as error:
                problem = problem or error
                break
    if problem is None or problem.message == _no_card(source).message:
        try:
            content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            hint = "Save it as UTF-8."
            raise VoiceError(f"{source} is not a voice card: it is not UTF-8 text.", hint=hint) from error
    assert problem is not None, "what is UTF-8 was parsed"
    raise problem


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
        key = match[1].lower()
        if fields and _KEYS.index(key) <= _KEYS.index(fields[-1].key):
            raise _damaged(source, number, f"'{key}' does not belong after '{fields[-1].key}'")
        fields.append(_Field(key, match[2] or "", number))
        if key == "check":
            return fields
    raise VoiceError(f"{source} ends before the voice card does: the line 'check:' is missing.", hint=_AGAIN)


def _verified(fields: Sequence[_Field], check: _Field, source: str) -> list[_Field]:
    """Return the fields as they were written, which the check knows."""
    given = _plain(check.value).replace(" ", "").lower()
    if len(given) != (expected := _SUM_DIGITS + _FIELD_DIGITS * len(fields)):
        held, rest = divmod(len(given) - _SUM_DIGITS, _FIELD_DIGITS)
        problem = f"the check is for {held} fields, and the card has {len(fields)}"
        raise _damaged(source, check.line, "the check is mangled" if rest or held < 1 else problem)
    written: list[_Field] = []
    for field, place in zip(fields, range(_SUM_DIGITS, expected, _FIELD_DIGITS), strict=True):
        digits = given[place : place + _FIELD_DIGITS]
        found = [form for form in _forms(field) if _check_sum([form]).endswith(f" {digits}")]
        if not found:
            raise _damaged(source, field.line, f"'{field.key}' is not what was written")
        written.append(found[0])
    if _check_sum(written).replace(" ", "") != given:
        raise _damaged(source, check.line, "the check does not fit the card")
    return written


def _forms(field: _Field) -> list[_Field]:
    """Return what may have been written where a field is read: as it is first, then without a program's typography."""
    if field.key not in _TEXT_KEYS:
        return [field._replace(value=_plain(field.value))]
    forms: dict[str, None] = {}
    for chosen in product((False, True), repeat=len(_TYPOGRAPHY)):
        value = field.value
        for table, is_chosen in zip(reversed(_TYPOGRAPHY), reversed(chosen), strict=True):
            value = value.translate(table) if is_chosen else value
        forms |= {_canonical(value): None}
    return [field._replace(value=value) for value in forms]


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


def _visible(text: str) -> str:
    """Return a text without what nobody sees: byte order marks, zero-width blanks, soft hyphens, marks of direction.

    None of them is in a card: its texts are printable.
    """
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def _plain(text: str) -> str:
    """Return a text of ASCII by nature with the signs that were typed."""
    for table in _TYPOGRAPHY:
        text = text.translate(table)
    return _canonical(text)


def _no_card(source: str) -> VoiceError:
    hint = "A card begins with the line 'gpa-mlx voice card, version 1'."
    return VoiceError(f"{source} holds no voice card.", hint=hint)


_AGAIN = "Copy the whole card again, or ask for it again."


def _damaged(source: str, line: int, problem: str) -> VoiceError:
    return VoiceError(f"{source} is not a whole voice card: line {line}: {problem}.", hint=_AGAIN)
