"""Abbreviations, titles, acronyms and Roman numerals in English."""

from __future__ import annotations

import re
from unicodedata import digit

from gpa_mlx.text.normalization import latin_edges as edges
from gpa_mlx.text.normalization.english_numbers import cardinal, digit_by_digit, ordinal
from gpa_mlx.text.normalization.english_sentences import full_stop
from gpa_mlx.text.normalization.english_words import (
    ABBREVIATIONS,
    AFTER_NAMES,
    BEFORE_NUMBERS,
    ENDING,
    NOT_SPELLED,
    NUMBERED,
    ROYAL,
    SHOUTED,
    SIDES,
    SPELLED,
    STATES,
    TITLES,
    WITHOUT_DOT,
)
from gpa_mlx.text.normalization.rules import LEFT, RIGHT, LazyPattern, ReadingRule, one_of, rule

_LONGEST_CONTEXT = 48
_AFTER_NAME = LazyPattern(r"[A-Z][\w&'’-]*,?\s$")
_IN_ADDRESS = LazyPattern(r"[0-9]+(?:\s(?:[A-Z][\w'’-]*\s){1,3}|(?:st|nd|rd|th)\s)$")
_BEFORE_NAME = LazyPattern(r"\s[A-Z]")
_SHOUT_BEFORE = LazyPattern(rf"{LEFT}[A-Z]+[\s,]{{1,2}}$")
_SHOUT_AFTER = LazyPattern(rf"[\s,]{{1,2}}(?:I|[A-Z]{{2,}}){RIGHT}")
_ROMAN = re.compile(r"(?:C{0,3}|XC|XL|L)?(?:XC|XL|LX{0,3}|X{0,3})(?:IX|IV|VI{0,3}|I{0,3})")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_GREEK = {"π": "pi", "Δ": "delta", "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "θ": "theta", "λ": "lambda"}
_GREEK |= {"σ": "sigma"}
_ELEMENT = (
    "He|Li|Be|Ne|Na|Mg|Al|Si|Cl|Ar|Ca|Ti|Cr|Mn|Fe|Co|Ni|Cu|Zn|Ga|As|Se|Br|Kr|Sr|Ag|Cd|Sn|Sb|Xe|Ba|Pt|Au|Hg|Pb|Bi|Ra"
    "|H|B|C|N|O|F|P|S|K|V|I|U|W"
)
_FORMULA_PART = re.compile(rf"({_ELEMENT})([0-9]*)")
_ELEMENTARY = ("H2", "O2", "N2", "O3", "F2", "Cl2", "Br2", "I2", "C60")
_NUMERAL_ENDS = LazyPattern(r"\s?(?:[.,;:!?)]|\Z|\n)|\sof\s")


def _title_or_place(match: re.Match[str]) -> str | None:
    """Return Doctor or Drive for Dr, Saint or Street for St: by whether a name comes after it or before."""
    word, dot = match["word"], bool(match["dot"])
    before = match.string[max(0, match.start() - _LONGEST_CONTEXT) : match.start()]
    before_name = bool(_BEFORE_NAME.match(match.string, match.end()))
    in_address = bool(_IN_ADDRESS.search(before))
    after_name = bool(_AFTER_NAME.search(before)) and not (before_name and word in TITLES)
    if word in AFTER_NAMES and (in_address or after_name) and (dot or in_address or word in WITHOUT_DOT):
        return AFTER_NAMES[word] + (full_stop(match) if dot else "")
    return TITLES[word] if word in TITLES and before_name and (dot or word in WITHOUT_DOT) else None


def _abbreviation(match: re.Match[str]) -> str:
    written = match["written"]
    words = ABBREVIATIONS.get(written) or ABBREVIATIONS[written.lower()].capitalize()
    return words + full_stop(match, ends_sentences=written in ENDING) if written.endswith(".") else words


def _initials(match: re.Match[str]) -> str:
    letters = " ".join(match[0].replace(".", ""))
    return letters + full_stop(match) if match[0].endswith(".") else letters


def _acronym(match: re.Match[str]) -> str | None:
    letters = match["letters"]
    is_code = len(letters) == 2 and re.match("[0-9]{2,3}(?![0-9])", match.string[match.end() : match.end() + 4])
    if letters in NOT_SPELLED or not (is_code or letters in SPELLED or set(letters).isdisjoint("AEIOUY")):
        return None
    before = match.string[max(0, match.start() - _LONGEST_CONTEXT) : match.start()]
    if (
        letters in SHOUTED
        and not match.string[match.end() : match.end() + 1].isdigit()
        and (_SHOUT_BEFORE.search(before) or _SHOUT_AFTER.match(match.string, match.end()))
    ):
        return None
    return " ".join(letters) + ("'s" if match["plural"] else "")


def _numeral(match: re.Match[str]) -> str | None:
    name, roman = match["name"], match["roman"]
    # One letter is more often a letter: class C, and "Part I liked" goes on with a pronoun.
    if roman in ("C", "L") or (roman == "I" and not _NUMERAL_ENDS.match(match.string, match.end())):
        return None
    value = _value(roman)
    if not value:
        return None
    return f"{name} the {ordinal(value)}" if name in ROYAL else f"{name} {cardinal(value)}"


def _ordinal_numeral(match: re.Match[str]) -> str | None:
    value = _value(match["roman"])
    return ordinal(value) if value else None


def _formula(match: re.Match[str]) -> str | None:
    """Return a chemical formula letter by letter: C O two."""
    parts = _FORMULA_PART.findall(match["formula"])
    if (
        len(parts) == 1
        and not match["charge"]
        and match["formula"] not in ("H2", "O2", "N2", "O3", "F2", "Cl2", "Br2", "I2", "C60")
    ):
        return None
    if "".join(symbol for symbol, _ in parts) in ("COP", "PS", "US", "OS", "UN", "UK"):
        return None
    words = " ".join(
        " ".join(symbol.upper()) + (f" {cardinal(int(count))}" if count else "") for symbol, count in parts
    )
    if not match["charge"]:
        return words
    size, sign = match["charge"][:-1], match["charge"][-1]
    return f"{words}{f' {cardinal(digit(size))}' if size else ''} {'plus' if sign == '⁺' else 'minus'}"


def _value(roman: str) -> int | None:
    """Return the value of a Roman numeral below four hundred, None where it is none."""
    if not _ROMAN.fullmatch(roman):
        return None
    digits = [_ROMAN_DIGITS[letter] for letter in roman]
    following = [*digits[1:], 0]
    return sum(-digit if digit < after else digit for digit, after in zip(digits, following, strict=True))


def _state(match: re.Match[str]) -> str:
    return STATES[match["state"]]


_CAPITALIZED = [written.capitalize() for written in ABBREVIATIONS if written.islower()]

ACRONYMS: tuple[ReadingRule, ...] = (
    rule(r"(?<=[0-9])[A-Z]{2,4}(?=[0-9])", lambda match: " ".join(match[0])),
    rule(rf"{edges.LEFT}[A-Z](?:\.[A-Z]){{1,20}}\.?{edges.RIGHT}", _initials),
    rule(
        rf"{edges.LEFT}[A-Z]{{1,3}}&[A-Z]{{1,3}}{edges.RIGHT}",
        lambda match: " ".join(match[0]).replace("&", "and"),
    ),
    rule(rf"{edges.LEFT}[ACFGJ]#(?!\w)", lambda match: f"{match[0][0]} sharp"),
    rule(
        rf"{edges.LEFT}(?P<letters>[A-Z]{{2,6}})(?:(?P<plural>s){edges.RIGHT})?(?![{edges.LETTERS}])(?!['’][A-Z])",
        _acronym,
    ),
)
"""`U.S.`, `R&D`, `C#` and `CPUs`: letters that are said one by one, in text of any language."""

AT_LETTERS: tuple[ReadingRule, ...] = (
    rule(rf"{LEFT}(?P<name>{one_of(ROYAL | NUMBERED)})\s(?P<roman>[IVXLC]{{1,8}}){RIGHT}", _numeral),
    rule(
        rf"{LEFT}(?P<name>volumes?|part|chapters?|section|book|act|type|phase|stage|level|class|grade|article|appendix|figure"
        rf"|table)\s(?P<roman>[IVXLC]{{1,8}}){RIGHT}",
        _numeral,
    ),
    rule(
        rf"{LEFT}(?P<roman>[IVXLC]{{1,8}})(?=\s(?:century|Century|dynasty|Olympiad|Congress|Corps|legion)){RIGHT}",
        _ordinal_numeral,
    ),
    rule(
        rf"{LEFT}(?P<word>Mr|Mrs|Ms|Dr|Prof)\.?(?=\s(?:and|&|or)\s(?:Mr|Mrs|Ms|Dr|Prof|Miss){RIGHT}|\s[A-Z]\.)",
        lambda match: TITLES[match["word"]],
    ),
    rule(rf"(?<=[a-z], )(?P<state>{one_of(STATES)})(?=[ ][0-9]{{5}}(?![0-9])|[.,;:!?)\n]|\Z)", _state),
    rule(
        rf"{LEFT}(?P<side>[NSEW]|NE|NW|SE|SW)\.?(?=\s(?:[0-9]{{1,3}}(?:st|nd|rd|th)"
        rf"|[A-Z][a-z]{{2,20}}\s(?:St|Ave|Blvd|Rd|Dr|Street|Avenue|Road|Boulevard|Drive)){RIGHT})",
        lambda match: SIDES[match["side"]],
    ),
    rule(
        rf"{LEFT}(?P<word>Mrs|Mr|Ms)\.(?=[,;:!?)]|\Z|\n)",
        lambda match: TITLES[match["word"]] + full_stop(match),
    ),
    rule(r"(?<![\w./])[fF]/(?=[0-9])", lambda _: "F "),
    rule(rf"{LEFT}est\.(?=\s(?:in|by)\s)", lambda _: "established"),
    rule(rf"{LEFT}(?P<word>Hwy|Rte|Apt|Rm)\s(?=[0-9])", lambda match: BEFORE_NUMBERS[match["word"]] + " "),
    rule(rf"{LEFT}(?P<greek>[πΔαβγδθλσ])(?!\w)", lambda match: _GREEK[match["greek"]]),
    rule(
        rf"{LEFT}(?P<letter>[A-Z])\.(?P<number>[0-9]{{3,4}}){RIGHT}",
        lambda match: f"{match['letter']} {digit_by_digit(match['number'])}",
    ),
    rule(
        rf"{LEFT}(?=[A-Za-z]{{1,4}}[0-9⁺⁻²³])(?P<formula>(?:(?:{_ELEMENT})(?:[1-9][0-9]?)?){{1,8}})"
        rf"(?:(?P<charge>[²³⁴]?[⁺⁻])|{RIGHT})",
        _formula,
    ),
    rule(
        rf"{LEFT}(?P<word>{one_of(BEFORE_NUMBERS)})\.\s?(?=[#0-9]|[+(][0-9]|(?<!No\.\s)(?:[IVXLC]{{2,8}}|[VX]|I(?=[,;:.)]|\Z)){RIGHT})",
        lambda match: BEFORE_NUMBERS[match["word"]] + " ",
    ),
    rule(rf"{LEFT}(?P<word>{one_of({*TITLES, *AFTER_NAMES})}){RIGHT}(?P<dot>\.)?", _title_or_place),
    rule(rf"{LEFT}w/(?=\s?[^\W\d_])(?!o(?:ut)?{RIGHT})", lambda _: "with"),
    rule(rf"{LEFT}(?P<written>{one_of({*ABBREVIATIONS, *_CAPITALIZED})}){RIGHT}", _abbreviation),
    *ACRONYMS,
)
"""`Louis XIV`, `No. 5`, `Dr. Smith`, `e.g.`, `U.S.`, `R&D`, `C#` and `CPUs`."""
