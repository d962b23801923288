"""Numbers that are names in English, of telephones, cards, places, standards, models: said by digits or in pairs."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import english_numbers as numbers
from gpa_mlx.text.normalization.english_context import after, before, counts_things
from gpa_mlx.text.normalization.english_words import STATES
from gpa_mlx.text.normalization.rules import CLEAR, LEFT, RIGHT, LazyPattern, ReadingRule, listed, one_of, rule

_BY_DIGITS = LazyPattern(
    r"(?<!\w)(?:call(?:ed|ing)?|dial(?:ed|led|ing)?|ring|text(?:ed|ing)?|sms|phone|fax|tel|telephone|mobile|cell|hotline"
    r"|extension|ext|x|pin|code|codes|otp|passcode|password|passwort|zip|zip code|postcode|postal code|postal"
    r"|account|acct"
    r"|card|id|ids|order|invoice|ticket|tracking|reference|ref|booking|confirmation|serial|ssn|badge|flight|bug"
    r"|student|license|licence|policy|vin|sku|barcode|employee|member|membership|passport|locker|combination|enter|key"
    r"|room|rm|suite|apt|apartment|gate|box|inv|ending in|ends in|last four|last four digits|meeting id|hotline"
    r"|whatsapp|extension number|routing|swift|customer|patient|case|claim|registration"
    r"|version code)"
    r"(?:[ ](?:is|was|are|to|number|no|num|box|inv|ending in|ends in|reads|code|of|id|pin|at|on|called"
    r"|the number)|['’]s)?\.?[ ]?[:=#№]?[ ]?"
    r"(?:[\"'“‘(])?$"
    r"|(?<!\w)(?:call|dial|ring|text|flights?|rooms?|gates?|extensions?)[ ][0-9]{2,6}[ ](?:or|and)[ ]$"
    r"|(?<!\w)(?:text|send|sms)[ ][\"'“‘]?[A-Za-z]+[\"'”’]?[ ]to[ ]$",
    re.IGNORECASE,
)
_PLATE = LazyPattern(
    r"(?<!\w)(?:plates?|registration|tag|reg)(?: (?:number|no\.?))?(?: is|:)? [A-Z]{1,4}[ -]$", re.IGNORECASE
)
_CODE_IS = LazyPattern(
    r"(?<!\w)(?:(?:case|docket|claim|file|part|model|ref|reference|invoice|contract|policy|permit)(?= n)|code|pin|otp"
    r"|passcode|password|combination|meeting id|account|serial|booking|confirmation|tel|phone|fax)"
    r"(?: (?:number|no))?\.?(?:[ ]is|[:#=]|(?<= no\.)|(?<= number))[ ]?$",
    re.IGNORECASE,
)
_NUMBER_IS = LazyPattern(r"(?<!\w)(?:number|no|nr|#)\.?(?: is|:| =)?[ ]?$", re.IGNORECASE)
_VERBS = LazyPattern(
    r"(?<!\w)(?:call|text|order|ring|box|enter|phone|ticket|case|room|key|card|at|to|of|on|is)[ ]$", re.IGNORECASE
)
_NAMED = LazyPattern(
    r"(?:(?<!\w)(?:Boeing|Airbus|Error|Status|HTTP|Port|port|Highway|Route|Hwy|Rt\.|Rte\.|Interstate|Unit|Area|Office"
    r"|Model|model|Studio|Section|Building|Porsche|Peugeot|BMW|Nokia|Form|form|Bus|bus|Train|train|Line|Level|Channel"
    r"|channel|No\.|Bay|Locker|Pier|Platform|Terminal|Lot|Xbox|Photoshop|Mercedes|Ryzen|Core|Snapdragon|Radeon|GeForce"
    r"|Cessna|Piper|Embraer|Concorde|Bombardier|Antonov|Tupolev|Ferrari|Fiat|Volvo|Chrysler|Lamborghini|McLaren"
    r"|Lexus|Levi's|Levis|Intel|Colt|Commodore|Atari|Galaxy|RTX|GTX|MH|Windows|Psalm|Fahrenheit"
    r"|error|status|route|highway|code|Title|Rule|Locomotive|Dash|error code"
    r"|Apt\.|Ste\.|Rm\.|Suite|suite|Airbus A|AM)[ ]?)$"
)
_ROAD_BEFORE = LazyPattern(
    r"(?<!\w)(?:US|U\.S\.|SR|CR|FM|SH|State Road|County Road|Autoroute|[Ss]top|[Ee]xit|[Tt]rack|[Ss]eat"
    r"|[Bb]ed|[Ww]ard|[Aa]isle|[Dd]esk|[Cc]abin|[Bb]ooth)[ -]$"
)
_ROAD = LazyPattern(
    r"[ ](?:freeway|highway|bus|expressway|interstate|error|errors|series|model|jumbo|train|express|motorway)\b"
)


def _groups(match: re.Match[str]) -> str:
    """Return digits one by one, with a pause where the writer put a mark."""
    groups = re.findall("[0-9]+", match[0])
    mark = " " if all(len(group) == 1 for group in groups) else ", "
    if len(groups) > 2 and groups[0] == "1" and groups[1] in ("800", "900"):
        groups[:2] = [f"1{groups[1]}"]
    words = mark.join(map(_group, groups))
    return f"plus {words}" if match[0].startswith("+") else words


def _group(written: str) -> str:
    """Return digits one by one; calls that are free are one eight hundred."""
    if written in ("1800", "1900"):
        return f"one {numbers.DIGITS[int(written[1])]} hundred"
    return numbers.digit_by_digit(written)


def _keys(match: re.Match[str]) -> str:
    """Return what is typed on a telephone: *67 and #31#."""
    return " ".join(
        {"*": "star", "#": "pound"}.get(key) or numbers.digit_by_digit(key) for key in re.findall("[0-9]+|.", match[0])
    )


def _masked(match: re.Match[str]) -> str:
    """Return the end of a number whose beginning is hidden: **** 1234."""
    return f"ending in {numbers.digit_by_digit(match['last'])}"


def _verse(match: re.Match[str]) -> str:
    """Return a chapter and a verse: John 3:16."""
    words = f"{match['book']} {numbers.cardinal(int(match['chapter']))} {numbers.cardinal(int(match['verse']))}"
    return f"{words} to {numbers.cardinal(int(match['last']))}" if match["last"] else words


def _long_groups(match: re.Match[str]) -> str | None:
    return _groups(match) if 7 <= sum(character.isdigit() for character in match[0]) <= 15 else None


def _letters(match: re.Match[str]) -> str:
    """Return letters and digits one by one, groups apart."""
    return ", ".join(
        " ".join(numbers.DIGITS[int(sign)] if sign.isdigit() else sign for sign in group)
        for group in re.split("[ -]", match[0])
    )


def _address(match: re.Match[str]) -> str:
    """Return the address of a network card sign by sign."""
    return ", ".join(
        " ".join(numbers.DIGITS[int(sign)] if sign.isdigit() else sign.upper() for sign in group)
        for group in re.split("[:-]", match[0])
    )


def _with_words(match: re.Match[str]) -> str:
    """Return a telephone number that ends with a word: 1-800-FLOWERS."""
    head = _group(match["head"].replace("-", ""))
    return f"{head}, {match['word'].capitalize()}"


def _dictated(match: re.Match[str]) -> str | None:
    """Return a number by its digits where the word before it says it is a name."""
    left = before(match)
    if left.endswith("#") and len(match[0]) > 3:
        return numbers.digit_by_digit(match[0])
    if not (_BY_DIGITS.search(left) or _PLATE.search(left)) and not (len(match[0]) > 4 and _NUMBER_IS.search(left)):
        return None
    # Call 500 people, order 1000 units.
    if _VERBS.search(left) and counts_things(match):
        return None
    if re.search(r"(?<!\w)(?:room|suite|apartment|gate)[ ]$", left, re.IGNORECASE) and len(match[0]) == 4:
        return numbers.pairs(match[0])
    return numbers.digit_by_digit(match[0])


def _spaced(match: re.Match[str]) -> str | None:
    """Return groups of digits that are no thousands: 1300 655 506."""
    groups = match[0].split(" ")
    if all(len(group) == 3 for group in groups) and not _BY_DIGITS.search(before(match)):
        return None
    return _groups(match)


def _two_groups(match: re.Match[str]) -> str | None:
    """Return a code or a short telephone number in two groups: code 004 512."""
    left = before(match)
    if re.fullmatch("(?:19|20)[0-9]{2}-[0-9]{4}", match[0]):
        return None  # a year and a number
    is_code = match[0][0] == "0" and len(match[0]) == 7 and match[0][3] in " -"
    return _groups(match) if is_code or left.endswith("#") or _CODE_IS.search(left) else None


def _wireless(match: re.Match[str]) -> str:
    letters = f" {' '.join(match['letters'].upper())}" if match["letters"] else ""
    return f"eight oh two point {numbers.cardinal(int(match['part']))}{letters}"


def _famous(match: re.Match[str]) -> str | None:
    """Return the number for emergencies, and an aircraft known by its number: a 747."""
    if counts_things(match):
        return None
    if match[0] == "911":
        return numbers.digit_by_digit(match[0])
    return numbers.pairs(match[0]) if re.search(r"(?<!\w)(?:an?|the|our|old|new)[ ]$", before(match, 6)) else None


def _named(match: re.Match[str]) -> str | None:
    if _NAMED.search(left := before(match)[-16:]) or _ROAD.match(after(match, 16)):
        return numbers.pairs(match[0])
    if _ROAD_BEFORE.search(left) and not counts_things(match):
        return numbers.pairs(match[0])
    return None


def _numbered(match: re.Match[str]) -> str:
    """Return what comes after a letter and a hyphen: a year, or the number of an order or a part."""
    if len(match[0]) == 4 and 1900 <= int(match[0]) <= 2099:
        return numbers.year(int(match[0]))
    return numbers.digit_by_digit(match[0])


def _standard(match: re.Match[str]) -> str:
    name = match["name"]
    words = f"{name if name in ('PEP', 'DIN') else ' '.join(name.replace('/', ''))} {_standard_number(match['number'])}"
    year = match["year"]
    return f"{words}, {numbers.year(int(year))}" if year else words


def _standard_number(written: str) -> str:
    if len(written) == 5 and written[2:4] == "00":
        return numbers.cardinal(int(written))
    return numbers.pairs(written)


def _vulnerability(match: re.Match[str]) -> str:
    return f"C V E {numbers.year(int(match['year']))}, {numbers.digit_by_digit(match['number'])}"


def _case(match: re.Match[str]) -> str | None:
    if len(match["number"]) == 4 and 1100 <= int(match["number"]) <= 2099:
        return None  # from one year to another
    return f"{numbers.year(int(match['year']))}, {numbers.digit_by_digit(match['number'])}"


def _flight(match: re.Match[str]) -> str:
    return f"{' '.join(match['airline'])} {numbers.digit_by_digit(match['number'])}"


def _isbn(match: re.Match[str]) -> str:
    return _letters(match)


_BOOKS = one_of(
    listed("""
    Genesis Exodus Leviticus Deuteronomy Joshua Ruth Samuel Kings Chronicles Ezra Job Psalm Psalms Proverbs Ecclesiastes
    Isaiah Jeremiah Ezekiel Daniel Hosea Amos Micah Matthew Mark Luke John Acts Romans Corinthians Galatians Ephesians
    Philippians Colossians Thessalonians Timothy Titus Hebrews James Peter Revelation Matt Gen Rev Rom Cor
    Quran Surah
    """)
)
_AIRLINES = "(?:AA|UA|DL|BA|LH|AF|KL|SQ|EK|QF|NH|JL|CX|WN|TK|QR|EY|VS|LX|SK|AY|BR|KE|OZ)"
AT_LETTERS: tuple[ReadingRule, ...] = (
    rule(rf"{LEFT}CVE-(?P<year>[12][0-9]{{3}})-(?P<number>[0-9]{{3,7}}){RIGHT}", _vulnerability),
    rule(
        rf"{LEFT}(?P<name>ISO/IEC|ISO/TS|ISO|RFC|IEC|DIN|IEEE|ASTM|PEP|ANSI|ECMA"
        rf"|EN)[ -](?P<number>[0-9]{{1,6}})(?:[:-](?P<year>[12][0-9]{{3}}))?"
        rf"{RIGHT}(?!\.[0-9])",
        _standard,
    ),
    rule(
        rf"{LEFT}(?P<book>{_BOOKS})\.? (?P<chapter>[0-9]{{1,3}}):(?P<verse>[0-9]{{1,3}})"
        rf"(?:[-–](?P<last>[0-9]{{1,3}}))?{RIGHT}"
        r"(?![:.][0-9])(?! ?[AaPp]\.?[Mm])",
        _verse,
    ),
    rule(rf"{LEFT}[A-Z]{{1,2}}[0-9][0-9A-Z]? [0-9][A-Z]{{2}}{RIGHT}", _letters),
    rule(rf"{LEFT}[A-Z][0-9][A-Z] [0-9][A-Z][0-9]{RIGHT}", _letters),
    rule(rf"{LEFT}[A-Z]{{2}}[0-9]{{2}}(?: [0-9A-Z]{{4}}){{3,7}}(?: [0-9A-Z]{{1,3}})?{RIGHT}", _letters),
    rule(
        rf"{LEFT}(?:(?<=[Ff]light )|(?<=[Ff]lights ))(?P<airline>[A-Z]{{2,3}})[ -]?(?P<number>[0-9]{{1,4}}){RIGHT}",
        _flight,
    ),
    rule(rf"{LEFT}(?P<airline>{_AIRLINES})[ ]?(?P<number>[0-9]{{3,4}}){RIGHT}", _flight),
)
"""`CVE-2024-12345`, `ISO 9001:2015`, `SW1A 1AA`, `flight BA 2490`."""

_GAP = "[- .\u00a0]"
AT_DIGITS: tuple[ReadingRule, ...] = (
    rule(
        rf"{CLEAR}(?:240|360|480|576|720|1080|1440|2160|4320)(?=[pi]{RIGHT})",
        lambda match: numbers.pairs(match[0]) + " ",
    ),
    rule(
        rf"{CLEAR}(?P<number>[1-9][0-9])ers{RIGHT}",
        lambda match: numbers.cardinal(int(match["number"])).removesuffix("e") + "ers",
    ),
    rule(
        rf"{CLEAR}[0-9A-Fa-f]{{2}}(?:(?P<mark>[:-])[0-9A-Fa-f]{{2}})(?:(?P=mark)[0-9A-Fa-f]{{2}}){{4}}{RIGHT}", _address
    ),
    rule(rf"{CLEAR}(?P<head>(?:1-)?[0-9]{{3}})-(?P<word>[A-Z]{{4,10}}){RIGHT}", _with_words),
    rule(rf"{CLEAR}[0-9]{{4}}(?:[ -][0-9]{{4}}){{3}}{RIGHT}(?![ -][0-9])", _groups),
    rule(
        r"(?<![\w.,$])40(?P<last>[13])\((?P<letter>[kb])\)",
        lambda match: f"four oh {numbers.DIGITS[int(match['last'])]} {match['letter'].upper()}",
    ),
    rule(rf"{CLEAR}802\.(?P<part>[0-9]{{1,2}})(?P<letters>[a-z]{{0,2}}){RIGHT}", _wireless),
    rule(rf"{CLEAR}[0-9]{{2,4}}[ -][0-9]{{2,4}}{RIGHT}(?![ .,:/-][0-9])", _two_groups),
    rule(rf"{CLEAR}[0-9]{{3,4}}(?: [0-9]{{3,4}}){{2,3}}{RIGHT}(?![ .,:/-][0-9])", _spaced),
    rule(rf"(?<=[A-Z]-)[0-9]{{4,12}}{RIGHT}(?![.,][0-9])", _numbered),
    rule(rf"(?<=[A-Z][0-9]-)[0-9]{{3,12}}{RIGHT}(?![.,][0-9])", lambda match: numbers.digit_by_digit(match[0])),
    rule(
        rf"{CLEAR}(?P<type>7[0-8]7)-(?P<series>[1-9][0-9]{{0,2}})(?:{RIGHT}|(?=(?:ER|LR|F){RIGHT}))",
        lambda match: f"{numbers.pairs(match['type'])} {numbers.pairs(match['series'])}",
    ),
    rule(
        rf"(?<=A)(?P<type>3[0-9]0)-(?P<series>[1-9][0-9]{{2,3}}){RIGHT}",
        lambda match: f"{numbers.pairs(match['type'])} {numbers.pairs(match['series'])}",
    ),
    rule(rf"(?<=[A-Z]-)[1-9][0-9]{{2}}(?:{RIGHT}|(?=[A-Z]{RIGHT}))(?!-)", lambda match: numbers.pairs(match[0])),
    rule(
        rf"(?<=[A-Z]-)(?P<number>[1-9][0-9]{{0,2}})s{RIGHT}",
        lambda match: numbers.plural(numbers.pairs(match["number"])),
    ),
    rule(rf"{CLEAR}[0-9]{{4}}[ -][0-9]{{6}}[ -][0-9]{{5}}{RIGHT}", _groups),
    rule(rf"{CLEAR}(?:1{_GAP})?[2-9][0-9]{{2}}(?P<mark>{_GAP})[0-9]{{3}}(?P=mark)[0-9]{{4}}{RIGHT}", _groups),
    rule(rf"{CLEAR}(?:1{_GAP})\([2-9][0-9]{{2}}\) ?[0-9]{{3}}[- ][0-9]{{4}}{RIGHT}", _groups),
    rule(rf"{CLEAR}0[0-9]{{1,4}}(?:[ -][0-9]{{2,8}}){{1,5}}{RIGHT}(?![.,:/-][0-9])", _long_groups),
    rule(rf"{CLEAR}[2-9][0-9]{{2}}-[0-9]{{4}}{RIGHT}(?!-[0-9])", _groups),
    rule(rf"{CLEAR}(?P<year>(?:19|20)[0-9]{{2}})-(?P<number>[0-9]{{4,6}}){RIGHT}(?!-[0-9])", _case),
    rule(rf"{CLEAR}[0-9]{{1,9}}(?:-[0-9]{{1,9}}){{2,7}}{RIGHT}", _groups),
    rule(rf"{CLEAR}[0-9]{{5}}-[0-9]{{4}}{RIGHT}(?!-[0-9])", _groups),
    rule(rf"(?<=A)3[0-9]0{RIGHT}", lambda match: numbers.pairs(match[0])),
    rule(rf"(?<=\b(?:{'|'.join(STATES)}) )[0-9]{{5}}(?:-[0-9]{{4}})?{RIGHT}", _groups),
    rule(rf"{CLEAR}[0-9]{{3,12}}{RIGHT}(?![0-9]|[.,:/-][0-9]|\s?%)", _dictated),
    rule(rf"{CLEAR}[0-9]{{3,4}}(?:{RIGHT}|(?=[A-Za-z]{RIGHT}))(?![0-9]|[.,:/-][0-9])", _named),
    rule(rf"{CLEAR}(?:911|7[0-8]7){RIGHT}(?![0-9]|[.,:/-][0-9]|\s?%)", _famous),
)
"""Telephone and card numbers, postcodes, and what the word before a number says is a name."""

AT_SIGNS: tuple[ReadingRule, ...] = (
    rule(rf"(?<!\w)[*#][0-9]{{2,4}}(?:[*#](?:[0-9]{{1,12}}[*#]?)?|(?<=\*[0-9]{{2}})){RIGHT}(?![*.,][0-9])", _keys),
    rule(rf"(?:[*•]{{4}}[ -]?){{1,3}}(?P<last>[0-9]{{4}}){RIGHT}(?![.,][0-9])", _masked),
    rule(rf"\+[0-9]{{1,3}}(?:[-. ]?\(?[0-9]{{1,9}}\)?){{1,6}}{RIGHT}", _long_groups),
    rule(rf"\((?:0[0-9]{{1,4}}|[2-9][0-9]{{1,4}})\)[-. ]?[0-9]{{3,4}}[-. ]?[0-9]{{3,4}}{RIGHT}(?![.,][0-9])", _groups),
    rule(
        rf"#(?=[0-9A-Fa-f]{{6}}{RIGHT})(?=[0-9]{{0,5}}[A-Fa-f])(?=[A-Fa-f]{{0,5}}[0-9])(?P<hex>[0-9A-Fa-f]{{6}})",
        lambda match: (
            "hash " + " ".join(numbers.DIGITS[int(sign)] if sign.isdigit() else sign.upper() for sign in match["hex"])
        ),
    ),
)
"""`+44 20 7946 0958`, `(212) 555-1234`, `#FF5733`."""
