"""Custom vocabulary: names and terms the model spells its own way, corrected in the text it has recognised.

A file of words has one per line; `#` begins a comment, except inside a word such as C#:

    GitHub                  # how it is written
    Kubernetes
    jay son => JSON         # what is heard => what is written

`heard => written` replaces exactly these words, in any case. A word alone stands for itself:

1. The same letters and digits in any case, with blanks or hyphens anywhere between them: "git hub" is GitHub.
2. A word that sounds alike and is nearly spelled alike: the same phonetic key, and at most one letter
   inserted, left out, changed or swapped with its neighbour in 5 to 7 letters, at most two in 8 or more. Shorter words
   have no near ones. Only single words, and only of Latin letters.

Neither rule changes one of the commonest English words, so that `IT` leaves "it" alone; `it => IT` does not. Only whole
words are replaced, Chinese excepted, which has no blanks. What is longer goes first; what was replaced is not looked at
again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from gpa_mlx.errors import SettingsError
from gpa_mlx.text.cjk import CJK_LETTERS

if TYPE_CHECKING:
    from pathlib import Path

Rule: TypeAlias = Literal["given", "spelling", "sound"]
"""Why a word was replaced: `heard => written`, rule 1, or rule 2."""

_ARROW = "=>"
_TOKEN = re.compile(rf"[{CJK_LETTERS}]|[^\W_{CJK_LETTERS}]+(?:['’][^\W_{CJK_LETTERS}]+)*")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_JOINT = re.compile(r"[ \t\-‐‑]*")
_LATIN = re.compile(r"[a-z]+")
_NEAR_LETTERS, _FAR_LETTERS = 5, 8
_COMMON_WORDS = """
    a able about above after again against ago all almost alone along already also although always am among an
    and another any anyone anything are area around art as ask at away back bad bank be became because become
    been before began begin behind being best better between big bit black blue board body book both boy bring
    brought build but buy by call came can car care case cause certain change child children city clear close
    cloud come common company could country course cut day days dear did different do does done door down drive
    during each early easy eat else end enough even ever every everyone everything example eye face fact fall
    family far fast father feel feet few field find fine fire first five follow food for form found four free
    friend from full game gave get girl give go god going gone good got government great green group grow guess
    had half hand happen hard has have he head hear heard help her here high him himself his hold home hope hot
    hour house how however human i idea if important in inside into is it its job just keep kind knew know land
    large last late later law lead learn least leave left less let letter life light like line little live local
    long look lord lost lot love low made make man many march mark matter may maybe me mean means men might mind
    mine minute miss moment money month more morning most mother move much music must my name near need never
    new news next nice night nine no none nor not note nothing now number of off office often oh ok okay old on
    once one only open or order other our out outside over own page paper part party past pay people person
    phone place plan play please point power pretty problem program public put question quite rate rather read
    ready real really reason red rest right river road room run said same saw say school sea second see seem
    seen sell send sense sent service set seven several shall she short should show side simple since sir sit
    six small so social some someone something son soon sorry sort sound south speak stand start state stay step
    still stop story street strong student study such sun sure system table take talk team tell ten than thank
    thanks that the their them then there these they thing things think third this those though thought three
    through time to today together told tomorrow tonight too took top toward town tree true try turn two under
    until up upon us use used usually very voice wait walk wall want war was watch water way we week well went
    were west what when where whether which while white who whole whom whose why wife will wind window wish with
    within without woman women word words work world would write wrong year years yes yesterday yet you young
    your zero
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_SOUNDS = (
    ("ph", "f"),
    ("gh", "g"),
    ("ck", "k"),
    ("sch", "x"),
    ("sh", "x"),
    ("tch", "x"),
    ("ch", "x"),
    ("th", "0"),
    ("qu", "kw"),
    ("wh", "w"),
    ("kn", "n"),
    ("wr", "r"),
)
_LETTERS = str.maketrans({"c": "k", "q": "k", "z": "s", "v": "f", "j": "g", "d": "t", "b": "p"})
_SOFT_C = re.compile("c(?=[eiy])")


@dataclass(frozen=True, slots=True)
class Replacement:
    """A word that was put right.

    Attributes:
        heard: What stood there.
        written: What stands there now.
        rule: Why.
        start: Where it stood in the text that was given, in characters.
    """

    heard: str
    written: str
    rule: Rule
    start: int


@dataclass(frozen=True, slots=True)
class Correction:
    """A text with the user's words in it.

    Attributes:
        text: The result.
        replacements: What was changed, in order.
    """

    text: str
    replacements: tuple[Replacement, ...] = ()


class _Wanted(NamedTuple):
    written: str
    key: str


class CustomVocabulary:
    """The words of a user.

    Args:
        lines: Those of a file, see the module.
        source: Where they come from, for messages.

    Raises:
        SettingsError: A line is not what it should be, or two lines contradict each other.
    """

    def __init__(self, lines: Iterable[str], source: str = "the words") -> None:
        self._given: dict[tuple[str, ...], str] = {}
        self._spelled: dict[str, str] = {}
        for number, line in enumerate(lines, start=1):
            if content := _COMMENT.sub("", line).strip():
                self._add(content, f"Line {number} of {source}")
        self._longest = max([len(heard) for heard in self._given] + [len(key) for key in self._spelled], default=0)
        self._near = [
            _Wanted(written, key)
            for key, written in self._spelled.items()
            if _LATIN.fullmatch(key) and len(key) >= _NEAR_LETTERS
        ]

    def __len__(self) -> int:
        return len(self._given) + len(self._spelled)

    def correct(self, text: str) -> Correction:
        """Put the words of a text right; everything else stays as it is."""
        tokens = list(_TOKEN.finditer(text))
        keys = [_key(token.group()) for token in tokens]
        parts: list[str] = []
        replacements: list[Replacement] = []
        position = index = 0
        while index < len(tokens):
            found = self._longest_match(text, tokens, keys, index)
            if found is None:
                index += 1
                continue
            count, written, rule = found
            start, end = tokens[index].start(), tokens[index + count - 1].end()
            if text[start:end] != written:
                parts += [text[position:start], written]
                replacements.append(Replacement(text[start:end], written, rule, start))
                position = end
            index += count
        return Correction("".join([*parts, text[position:]]), tuple(replacements))

    def _add(self, line: str, where: str) -> None:
        heard, arrow, written = (part.strip() for part in line.partition(_ARROW))
        if not arrow:
            heard = written = line
        tokens = tuple(_key(token) for token in _TOKEN.findall(heard))
        if not tokens or not written:
            raise SettingsError(
                f"{where} is '{line}', in which a word is missing.",
                hint="Write the word as it should be, or `what is heard => what is written`.",
            )
        rules: dict = self._given if arrow else self._spelled
        place = tokens if arrow else "".join(tokens)
        if rules.setdefault(place, written) != written:
            raise SettingsError(
                f"{where} wants '{written}' where an earlier line wants '{rules[place]}'.", hint="Keep one of them."
            )

    def _longest_match(
        self, text: str, tokens: Sequence[re.Match[str]], keys: Sequence[str], index: int
    ) -> tuple[int, str, Rule] | None:
        reach = 1
        while (
            reach < self._longest
            and index + reach < len(tokens)
            and _JOINT.fullmatch(text, tokens[index + reach - 1].end(), tokens[index + reach].start())
        ):
            reach += 1
        for count in range(reach, 0, -1):
            heard = tuple(keys[index : index + count])
            if (written := self._given.get(heard)) is not None:
                return count, written, "given"
            if (count > 1 or heard[0] not in _COMMON) and (written := self._spelled.get("".join(heard))) is not None:
                return count, written, "spelling"
        near = self._sounding_like(keys[index])
        return None if near is None else (1, near, "sound")

    def _sounding_like(self, key: str) -> str | None:
        """Return the one wanted word that a word is near to; None also if there are several as near."""
        if len(key) < _NEAR_LETTERS - 1 or key in _COMMON or not _LATIN.fullmatch(key):
            return None
        found = [
            (distance, wanted.written)
            for wanted in self._near
            if (distance := edit_distance(key, wanted.key)) <= _allowed(wanted.key)
            and phonetic_key(key) == phonetic_key(wanted.key)
        ]
        best = min(found, default=None)
        if best is None or sum(distance == best[0] for distance, _ in found) > 1:
            return None
        return best[1]


def read_custom_vocabulary(path: Path) -> CustomVocabulary:
    """Read a file of words, see the module.

    Raises:
        SettingsError: It cannot be read, is not UTF-8, or a line is not what it should be.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not valid UTF-8.", hint="Save it as UTF-8 text.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    return CustomVocabulary(lines, str(path))


def phonetic_key(word: str) -> str:
    """Return what is left of a word's sound without its vowels: letters that sound alike as one, doubles once.

    Args:
        word: Small Latin letters.
    """
    for spelled, sound in _SOUNDS:
        word = word.replace(spelled, sound)
    word = _SOFT_C.sub("s", word).replace("x", "X").translate(_LETTERS).replace("y", "i")
    sounds = [sound for sound, before in zip(word, " " + word, strict=False) if sound != before]
    # A vowel at the beginning is heard, whichever it is.
    first = "a" if sounds and sounds[0] in "aeiou" else ""
    return first + "".join(sound for sound in sounds if sound not in "aeiouh")


def edit_distance(one: str, other: str) -> int:
    """Return how many letters must be inserted, left out, changed or swapped with their neighbours."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        costs = [row]
        for column, against in enumerate(other, start=1):
            cost = min(above[column] + 1, costs[-1] + 1, above[column - 1] + (letter != against))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == against:
                cost = min(cost, before[column - 2] + 1)
            costs.append(cost)
        before, above = above, costs
    return above[-1]


def _allowed(key: str) -> int:
    return 2 if len(key) >= _FAR_LETTERS else 1


def _key(token: str) -> str:
    return "".join(character for character in token.casefold() if character.isalnum())
