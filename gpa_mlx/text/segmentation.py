"""Segmentation: text of any length cut into passages that a speech model can say in one go, English and Chinese mixed.

The text is read once, from left to right. Whether a passage ends at some place depends only on the passage itself and
on the word that follows, never on what was read before it. So a passage that is cut again stays whole.

Three kinds of places are told apart between two letters or digits: a *boundary* (end of a sentence, of a line that
is no wrapped prose, or of a paragraph), a *cut* (somewhere inside a sentence that is too long), and nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Literal, NamedTuple

from gpa_mlx.errors import SettingsError
from gpa_mlx.text.cjk import SYLLABIC, is_syllabic

Pause = Literal["clause", "sentence", "paragraph"]

SHORTEST_LIMIT = 20
"""The smallest `max_chars`: below it words would be torn apart everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A part of a text that is said in one go.

    Attributes:
        text: What to say, exactly as it is written; has at least one letter or digit, no blank at its ends.
        start: Where it begins in the whole text, in characters.
        end: Where it ends, exclusive: `text == whole[start:end]`.
        pause: What ends here: a clause inside a sentence that was too long, a sentence (or a line of a list or a
            verse), or a paragraph (or a heading, or the whole text).
    """

    text: str
    start: int
    end: int
    pause: Pause


def split_passages(text: str, *, max_chars: int = 200) -> tuple[Passage, ...]:
    """Cut a text into passages: all that `iter_passages` yields; arguments and errors as there."""
    return tuple(iter_passages(text, max_chars=max_chars))


def iter_passages(text: str, *, max_chars: int = 200) -> Iterator[Passage]:
    """Cut a text into passages: one sentence each, tiny sentences with a neighbour, long sentences in parts.

    Each is cut when it is asked for, in a time that does not depend on the length of the text.

    Every character that is not blank belongs to exactly one passage, in order. The one exception: a run of
    `max_chars // 2` or more characters without any letter or digit may keep only what fits beside its neighbours,
    and a text without any letter or digit has no passages.

    Args:
        text: Any text; a blank line ends a paragraph, a line break inside wrapped prose means nothing.
        max_chars: Every passage has fewer characters than this; at least 20.

    Raises:
        SettingsError: `max_chars` is too small.
    """
    if max_chars < SHORTEST_LIMIT:
        raise SettingsError(
            f"Passages of fewer than {max_chars} characters are too short to be spoken well.",
            hint=f"Set max_chars to {SHORTEST_LIMIT} or more.",
        )
    return (
        Passage(text=text[piece.start : piece.end], start=piece.start, end=piece.end, pause=piece.pause)
        for piece in _with_tiny_ones_joined(text, _pieces(text, max_chars), max_chars)
    )


class _Piece(NamedTuple):
    """A passage before its text is taken out."""

    start: int
    end: int
    pause: Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """What stands between two letters or digits; the same few gaps come again and again.

    Attributes:
        place: Where it would be cut: what closes stays on the left, what opens goes to the right.
        signs: What stays on the left, without blanks at its end.
        ends: Those of the signs that can end a sentence; none where a comma or the like comes after them.
        line_breaks: How many lines end in it.
        has_blank: Whether the words are apart.
    """

    place: int
    signs: str
    ends: str
    line_breaks: int
    has_blank: bool


class _Level(IntEnum):
    """How good a place is for a cut inside a sentence, the best first."""

    STOP = 0
    COMMA = 1
    CONJUNCTION = 2
    BLANK = 3
    JOINT = 4
    """Between Chinese characters, or at a sign inside a Latin word as in a/b."""
    LETTERS = 5
    NEVER = 6
    """Inside a number or a contraction: only where nothing else is left."""


_SYLLABIC_LETTER = re.compile(f"[{SYLLABIC}]")
_SYLLABLE_JOINT = re.compile(rf"(?<=[{SYLLABIC}])(?=[^\W_])|(?<=[^\W_])(?=[{SYLLABIC}])")
_JOINED = re.compile(
    # Joiners, Korean vowels and final consonants, second halves of surrogate pairs, half-width voicing marks, skin
    # tones and the letters of flags: like marks, they never begin a character of their own.
    "[\u1160-\u11ff\u200c\u200d\ud7b0-\ud7ff\udc00-\udfff\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
_GAP = re.compile(r"[\W_]+")
_BLANK = re.compile(r"\s")
_NO_BLANK = re.compile(r"\S")
_BLANKS = "".join(character for character in map(chr, range(0x3001)) if character.isspace())
_LINE_BREAK = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")

_CJK_ENDS = "。！？；｡"
_DOTS = ".．"
_END = re.compile(rf"[{_DOTS}!?…{_CJK_ENDS}]")
_CLAUSE_END = re.compile("[,;:，、：—–-]")
_QUOTES = "\"'"
_OPENERS = "([{<“‘«„‚¿¡（［｛〈《「『【〔〖｢"
_CLOSERS = _QUOTES + ")]}>”’»*_~）］｝〉》」』】〕〗｣"
_STOPS = ";:；：—–―"
_COMMAS = ",，、"
_APOSTROPHES = ("'", "’")
_NO_BREAK = ("\u00a0", "\u202f")

_HEADING = re.compile(r"\s*#{1,6}\s")
_LIST_ITEM = re.compile(
    r"\s*(?:[-–*+•‣◦▪■●○·]\s|[(（]?(?:\d{1,3}[.)）]|[A-Za-z][)）]|[ivxIVX]{2,5}[.)）])(?!\S)"
    r"|[(（]?\d{1,3}[、）]|[(（]?[一二三四五六七八九十]{1,3}[、)）]|[①-⒇]"
    r"|第[一二三四五六七八九十百千\d]{1,5}[章节節回条條部篇])"
)
_ITEM_NUMBER = re.compile(r"[0-9]{1,3}|[A-Za-z]|[ivx]{2,5}|[IVX]{2,5}")
_WRAPPED_COLUMNS = 50
"""A line this wide may have been broken because it was full; verses and headings are narrower."""

_WRITTEN_BEFORE = re.compile(r"[^\W_]+(?:\.[^\W_]+)*\Z")
_LONGEST_ABBREVIATION = 16
_DOTTED = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]")
_WORD = re.compile(r"[^\W\d_]+")


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NEVER_LAST = _words(
    """
    Mr Mrs Ms Mx Dr Prof Gen Sen Rep Gov Pres Capt Cmdr Lt Col Maj Sgt Cpl Rev Hon Fr Msgr Mt Messrs Mme Mlle
    e.g i.e eg ie cf vs v viz
    """
)
"""Abbreviations that always want a word after them."""
_BEFORE_NUMBERS = _words(
    "No no Nos nos Art art p pp c ca Ch ch Sec sec Eq eq Fig fig Figs figs Vol vol Vols vols Ver ver"
)
"""Abbreviations only where a number follows: "No." is also an answer."""
_INSIDE_SENTENCES = _words(
    """
    Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun
    etc approx dept est govt incl excl esp resp max min misc avg hr hrs sec secs ft lb lbs oz
    """
)
"""Abbreviations where a number or a small letter follows."""
_BEFORE_NAMES = _words("St Jr Sr Inc Ltd Corp Co Bros Ave Blvd Rd Ln Hwy Ph.D al Univ")
"""Abbreviations unless a word follows that begins sentences; so are initials and dotted acronyms."""

_STARTERS = _words(
    """
    a an the this that these those i he she it we they you my our your his her its their there here and but or nor so
    yet for of to in on at by with from as into upon over under after before since because although though while when
    where why what who which how if unless until than then not yes is are was were be do does did has have had can
    could would shall should let all some every each many most both once now however meanwhile finally
    """
)
"""Words that have a capital letter only where something new begins."""
_WANTS_MORE = _words(
    """
    a an the this these those my our your his its their and but or nor of to in on at by with from as into upon than
    for is are was were be been between against under over about through mr mrs ms dr
    """
)
"""Words that end no line on purpose."""
_CONJUNCTIONS = _words(
    """
    and or but nor so yet because although though while when where which who whose whom that if unless until since
    after before than as whereas whether
    """
)
_CJK_CONJUNCTION = re.compile(
    rf"(?<=[{SYLLABIC}])(?:但是|可是|不过|而且|并且|因为|所以|因此|于是|如果|虽然|尽管|然而|或者|以及|然后|同时|從而|从而|"
    "不過|並且|因為|雖然|儘管|然後|同時)"
)


def _pieces(text: str, max_chars: int) -> Iterator[_Piece]:
    """Yield the sentences, those that are too long in parts; never looks further ahead than a passage may reach."""
    lead = _GAP.match(text)
    if not text or (lead and lead.end() == len(text)):
        return
    margin = max_chars // 2 - 1  # on both sides of one letter, and still short enough
    following: int | None = max(0, lead.end() - margin) if lead else 0
    while following is not None:
        found = _NO_BLANK.search(text, following)
        assert found, "a passage was begun where no letter is left"
        start = found.start()
        lead = _GAP.match(text, start)
        word = lead.end() if lead else start
        end, following, pause = _boundary(text, start, word, max_chars, margin)
        if end - start >= max_chars:
            following = _cut(
                text, start, word, end - start, _gaps_until(text, word, start + max_chars), max_chars, margin
            )
            end, pause = _trimmed(text, start, following), "clause"
        yield _Piece(start, end, pause)


def _gap_after(text: str, position: int, last: int) -> tuple[int, int]:
    """Return where the first gap from a word on begins and ends; behind the last word there always is one.

    Where none begins at `last` or before it, the place behind that is as good: texts without gaps are long.
    """
    found = _GAP.search(text, position, last + 1)
    if found is None:
        place = min(last + 1, len(text))
        return place, place
    whole = found if found.end() <= last else _GAP.match(text, found.start())
    assert whole, "it was found there"
    return whole.span()


def _gaps_until(text: str, word: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield the gaps behind a word that begin at `last` or before it."""
    right = word
    while True:
        left, right = _gap_after(text, right, last)
        if left > last:
            return
        yield left, right
        if right == len(text):
            return


def _boundary(text: str, start: int, word: int, max_chars: int, margin: int) -> tuple[int, int | None, Pause]:
    """Return where the sentence at `start` ends, where the next one begins (None at the end), and the pause.

    The search is given up, with an end far enough, where the sentence must be cut in any case.
    """
    line, right = start, word
    far = start + (3 * max_chars + 1) // 2
    while True:
        left, right = _gap_after(text, right, far)
        if left >= far:
            return left, left, "clause"
        if right == len(text):
            return _trimmed(text, start, min(right, left + margin)), None, "paragraph"
        if right - left > 2 * margin:
            pause = "paragraph" if len(_LINE_BREAK.findall(text, left, right)) > 1 else "sentence"
            return _trimmed(text, start, left + margin), right - margin, pause
        gap = _read_gap(text[left:right])
        if not gap.ends and not gap.line_breaks:
            continue
        pause = _pause(text, start, word, line, left, right, gap)
        if pause is not None:
            place = _within_margins(text, left + gap.place, left, right, margin)
            return _trimmed(text, start, place), place, pause
        if gap.line_breaks:
            line = left + gap.place


def _pause(text: str, start: int, word: int, line: int, left: int, right: int, gap: _Gap) -> Pause | None:
    """Return what ends in a gap, None where nothing does.

    Args:
        text: The whole text.
        start: Where the sentence begins.
        word: Its first letter or digit.
        line: Where its current line begins, not before `start`.
        left: Where the gap begins.
        right: The letter or digit after the gap.
        gap: What the gap holds.
    """
    if gap.line_breaks:
        next_line = left + gap.place
        if gap.line_breaks > 1 or _HEADING.match(text, line) or _HEADING.match(text, next_line):
            return "paragraph"
        if _LIST_ITEM.match(text, next_line):
            return "sentence"
        if not gap.ends:
            return "sentence" if _is_line(text, line, left, gap.signs, right) else None
    if gap.ends and _ends_sentence(text, start, word, left, right, gap):
        return "sentence"
    return None


def _is_line(text: str, line: int, left: int, signs: str, right: int) -> bool:
    """Whether a line that ends without a full stop was meant to end: a verse or a heading, not wrapped prose."""
    following = _WORD.match(text, right)
    if is_syllabic(text[left - 1]) or is_syllabic(text[right]):
        return not _is_full_line(text, line, left) or signs[-1:] in tuple(_STOPS)
    if following is None or not text[right].isupper():
        return False
    words = _WORD.findall(text[line:left]) if left - line < _WRAPPED_COLUMNS else _WORD.findall(text[left - 12 : left])
    if not signs and words and words[-1].lower() in _WANTS_MORE:
        return False
    if following[0].lower() in _STARTERS and following[0] != "I":
        return True
    if _is_full_line(text, line, left) or following[0] == "I":
        return False
    if _CLAUSE_END.search(signs):
        return True
    return bool(words) and words[0][0].isupper() and all(word[0].isupper() or word in _STARTERS for word in words)


def _is_full_line(text: str, line: int, left: int) -> bool:
    length = left - line
    return length >= _WRAPPED_COLUMNS or length + _syllabic_letters(text[line:left]) >= _WRAPPED_COLUMNS


def _ends_sentence(text: str, start: int, word: int, left: int, right: int, gap: _Gap) -> bool:
    """Whether the signs after a word end its sentence."""
    if any(end in _CJK_ENDS for end in gap.ends):
        return True
    small = text[right].islower()
    if not gap.has_blank:
        syllabic = (is_syllabic(text[left - 1]), is_syllabic(text[right]))
        only_dots = not gap.ends.strip(_DOTS)
        return all(syllabic) or (any(syllabic) and not only_dots and not small)
    closed = gap.signs[-1] in _CLOSERS
    if gap.ends in tuple(_DOTS):
        found = _WRITTEN_BEFORE.search(text[max(start, left - _LONGEST_ABBREVIATION) : left])
        written = found[0] if found and gap.signs[0] in _DOTS else ""
        if _numbers_item(text, start, word, left, written) or _is_abbreviation(text, written, right):
            return False
        return not (small and closed)
    return not small or (gap.ends[-1] in "!?" and not closed)


def _numbers_item(text: str, start: int, word: int, left: int, written: str) -> bool:
    """Whether a word before a dot is the number of a list's item: 1. at the beginning or after a colon."""
    if not _ITEM_NUMBER.fullmatch(written):
        return False
    begin = left - len(written)
    return begin == word or (written.isdigit() and text[max(start, begin - 2) : begin].rstrip().endswith((":", "：")))


def _is_abbreviation(text: str, written: str, right: int) -> bool:
    """Whether a word and its dot are an abbreviation that does not end the sentence here."""
    either = {written, written.lower()}
    if either & _NEVER_LAST:
        return True
    if either & _BEFORE_NUMBERS:
        return text[right].isdigit()
    if either & _INSIDE_SENTENCES:
        return text[right].isdigit() or text[right].islower()
    initial = len(written) == 1 and written.isupper() and written != "I"
    if initial or either & _BEFORE_NAMES or _DOTTED.fullmatch(written):
        return not _begins_sentence(text, right)
    return False


def _begins_sentence(text: str, right: int) -> bool:
    found = _WORD.match(text, right)
    if found is None or not text[right].isupper() or found[0].lower() not in _STARTERS:
        return False
    return len(found[0]) > 1 or text[found.end() : found.end() + 1] != "."  # J. A. Smith


@lru_cache(maxsize=1024)
def _read_gap(gap: str) -> _Gap:
    breaks = [match.end() for match in _LINE_BREAK.finditer(gap)]
    place = breaks[-1] if breaks else _place_in_line(gap)
    signs = gap[:place].rstrip()
    return _Gap(
        place=place,
        signs=signs,
        ends="".join(_END.findall(_CLAUSE_END.split(signs)[-1])),
        line_breaks=len(breaks) + gap.count("\u2029"),  # one of these is a paragraph already
        has_blank=_BLANK.search(gap) is not None,
    )


def _place_in_line(gap: str) -> int:
    head = gap.rstrip(_OPENERS + _QUOTES + _BLANKS)
    blank = _BLANK.search(gap, len(head))
    if blank:
        return blank.start()
    if _BLANK.search(head):
        return len(head) - len(head.split()[-1])
    closed = gap.rstrip(_OPENERS)
    before_quote = closed.rstrip(_QUOTES)
    return len(before_quote if before_quote[-1:] in tuple(":：,，") else closed)


def _within_margins(text: str, place: int, left: int, right: int, margin: int) -> int:
    """Return the place, moved where one side of the gap would be too long."""
    first = max(left, right - margin)
    last = min(right, left + margin)
    if first <= place <= last:
        return place
    place = min(max(place, first), last)
    while place > first and (_extends(text[place]) or text[place - 1] == "\u200d"):
        place -= 1
    return place


def _cut(
    text: str, start: int, word: int, length: int, spans: Iterable[tuple[int, int]], max_chars: int, margin: int
) -> int:
    """Return the best place to cut a sentence that is too long.

    A sentence a little too long is cut near its middle, so that no tiny rest is left, a longer one as late as possible;
    a place in the first third counts only where the rest of the passage has none.
    """
    last = start + max_chars - 1
    target = start + length // 2 if 2 * length < 3 * max_chars else last
    earliest = start + max_chars // 3
    places: list[tuple[_Level, int]] = []
    for left, right in spans:
        gap = _read_gap(text[left:right])
        place = _within_margins(text, left + gap.place, left, right, margin)
        if right < len(text) and _trimmed(text, left, place) <= last:
            places.append((_level(text, left, right, gap), place))
    first = max(earliest, word + 1)
    joints = [(_Level.CONJUNCTION, match.start()) for match in _CJK_CONJUNCTION.finditer(text, first, last)]
    joints += [(_Level.JOINT, match.start()) for match in _SYLLABLE_JOINT.finditer(text, first, last)]
    good = [
        (level, abs(place - target), place) for level, place in places if earliest <= place and level <= _Level.JOINT
    ]
    good += [(level, abs(place - target), place) for level, place in joints if _may_cut_word(text, place)]
    if good:
        return min(good)[-1]
    early = [place for level, place in places if level <= _Level.BLANK]
    if early:
        return early[-1]
    inside = [place for place in range(word + 1, last + 1) if _may_cut_word(text, place)]
    inside += [place for level, place in places if level < _Level.NEVER]
    # A number of hundreds of digits, or a word of hundreds of contractions: still better cut than lost.
    inside = inside or [place for place in range(word + 1, last + 1) if text[place - 1 : place + 1].isalnum()]
    inside = inside or [place for _, place in places]
    return min(inside, key=lambda place: abs(place - target))


def _level(text: str, left: int, right: int, gap: _Gap) -> _Level:
    """Return how good a place in a gap is for a cut."""
    signs = gap.signs.rstrip(_CLOSERS)
    before, after = text[left - 1], text[right]
    if gap.has_blank:
        if text[left:right] in _NO_BREAK and before.isdigit() and after.isdigit():
            return _Level.NEVER
        return _level_at_blank(text, signs, right)
    if text[right - 1] == "\u200d" or (before.isdigit() and after.isdigit()) or text[left:right] in _APOSTROPHES:
        return _Level.NEVER
    if gap.signs.endswith((".", ")")) and not is_syllabic(before):
        return _Level.LETTERS  # what is left must not end in 1. like the number of a list's item
    syllabic = is_syllabic(before) or is_syllabic(after)
    if signs.endswith(("—", "―", "--")) or (syllabic and signs.endswith(tuple(_STOPS))):
        return _Level.STOP
    if syllabic:
        return _Level.COMMA if signs.endswith(tuple(_COMMAS)) else _Level.JOINT
    return _Level.LETTERS if _extends(text[right - 1]) else _Level.JOINT


def _level_at_blank(text: str, signs: str, right: int) -> _Level:
    if signs.endswith((*_STOPS, "--")) or signs.strip() == "-":
        return _Level.STOP
    if signs.endswith((*_COMMAS, *"!?…", "...")):
        return _Level.COMMA
    if signs.endswith("."):
        return _Level.JOINT  # an abbreviation, which belongs to what follows
    found = _WORD.match(text, right)
    return _Level.CONJUNCTION if found and found[0] in _CONJUNCTIONS else _Level.BLANK


def _may_cut_word(text: str, place: int) -> bool:
    """Whether two letters may be torn apart: no number, no combined character."""
    before, after = text[place - 1], text[place : place + 1]
    if not (before.isalnum() and after.isalnum()) or _extends(after):
        return False
    return not (before.isdigit() and after.isdigit())


def _with_tiny_ones_joined(text: str, pieces: Iterable[_Piece], max_chars: int) -> Iterator[_Piece]:
    """Join a tiny sentence with the one before it, else with the one after it, within its paragraph."""
    current: _Piece | None = None
    for piece in pieces:
        if current is None:
            current = piece
        elif (
            current.pause == "sentence"
            and piece.end - current.start < max_chars
            and (_is_tiny(text, current) or _is_tiny(text, piece))
        ):
            current = _Piece(current.start, piece.end, piece.pause)
        else:
            yield current
            current = piece
    if current is not None:
        yield current


def _is_tiny(text: str, piece: _Piece) -> bool:
    """Whether a piece has fewer than 25 characters of English or 8 of Chinese, or as little of both."""
    length = piece.end - piece.start
    if length >= 25:
        return False
    syllabic = _syllabic_letters(text[piece.start : piece.end])
    return 8 * (length - syllabic) + 25 * syllabic < 200


def _extends(character: str) -> bool:
    """Whether a character belongs to the one before it."""
    return unicodedata.category(character).startswith("M") or _JOINED.match(character) is not None


def _trimmed(text: str, start: int, end: int) -> int:
    """Return the end without the blanks before it."""
    return start + len(text[start:end].rstrip())


def _syllabic_letters(text: str) -> int:
    return len(_SYLLABIC_LETTER.findall(text))
