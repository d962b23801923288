"""What begins with a Latin letter in Chinese text: addresses, names of files, Roman numerals."""

from __future__ import annotations

import re
import unicodedata

from gpa_mlx.text.normalization import chinese_amounts, chinese_codes, chinese_times
from gpa_mlx.text.normalization import chinese_numbers as numbers
from gpa_mlx.text.normalization.addresses import ADDRESS_FORMS
from gpa_mlx.text.normalization.chinese_patterns import after
from gpa_mlx.text.normalization.english_letters import ACRONYMS
from gpa_mlx.text.normalization.english_words import SPELLED
from gpa_mlx.text.normalization.latin_edges import LEFT
from gpa_mlx.text.normalization.rules import LazyPattern, ReadingRule, listed, one_of, rule

_SIGNS = {
    **{".": "点", "/": "斜杠", "-": "杠", "_": "下划线", "@": "艾特", ":": "冒号", "?": "问号", "=": "等于", "&": "和"},
    **{"#": "井号", "%": "百分号", "+": "加", "~": "波浪号", "\\": "反斜杠"},
}
_PART = re.compile("[A-Za-z]+|[0-9]+|.")
_LONGEST_SPELLED = 4
_OXYGENS = tuple("234₂₃₄")
_VOWELS = frozenset("aeiouyAEIOUY")
_ROMAN = re.compile("(?:C{0,3}|XC|XL|L)?(?:XC|XL|LX{0,3}|X{0,3})(?:IX|IV|VI{0,3}|I{0,3})")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_WORDS_IN_CAPITALS = frozenset(
    listed("""
    TOP VOL MAC AIR PRO MAX BUS NO CAT DOG CAR ONE TWO BIG HOT NEW OLD RED SUN SKY BOX FAN KID MAN PAD POP SET
    SIM SUP JET WIN POS BUG AND THE FOR YES BYE HI OH GO SO WOW LOL HA AH UP BOY MY ME WE YOU IS ARE
    """)
)
_NUMBERED_PARTS = "章节部卷篇册回编季期届届代类级型世页条款组册集单元阶段次幕场课"


def _say(match: re.Match[str]) -> str:
    """Return an address or the name of a file as it is dictated."""
    return dictated(match["address"].rstrip("/"))


def dictated(written: str) -> str:
    """Return letters, digits and signs one after the other; letters that make no syllable are apart."""
    words = ""
    for part in _PART.findall(written):
        said = _say_part(part)
        gap = words[-1:].isascii() and words[-1:].isalpha() and said[:1].isascii()
        words += (" " if gap else "") + said
    return words


def _say_part(part: str) -> str:
    if part.isdigit():
        return numbers.short(part) if part[0] != "0" else numbers.digit_by_digit(part)
    if part.lower() == "www":
        return "W W W"
    if len(part) <= _LONGEST_SPELLED and _VOWELS.isdisjoint(part) and part.isalpha():
        return " ".join(part)
    return _SIGNS.get(part, part)


def roman_value(roman: str) -> int | None:
    """Return the value of a Roman numeral below four hundred, None where it is none."""
    if not roman or not _ROMAN.fullmatch(roman):
        return None
    digits = [_ROMAN_DIGITS[letter] for letter in roman]
    return sum(
        -digit if digit < following else digit for digit, following in zip(digits, [*digits[1:], 0], strict=True)
    )


def _roman(match: re.Match[str]) -> str | None:
    value = roman_value(match["roman"])
    return numbers.cardinal(str(value)) if value else None


def _roman_sign(match: re.Match[str]) -> str | None:
    value = roman_value(unicodedata.normalize("NFKC", match[0]).upper())
    if value is None:
        value = int(unicodedata.numeric(match[0][0]))
    return numbers.cardinal(str(value))


def _capitals(match: re.Match[str]) -> str | None:
    """Return capitals that are no word, spelled: CO2, APP."""
    letters = match[0]
    if letters in ("SO", "NO") and after(match, 1) in _OXYGENS:
        return " ".join(letters)  # of oxides
    if letters in _WORDS_IN_CAPITALS:
        return None
    if len(letters) > 3 and not _VOWELS.isdisjoint(letters) and letters not in SPELLED:
        return None
    return " ".join(letters)


_CHARGE = LazyPattern("[²³⁴]?[⁺⁻]")
_ELEMENT = one_of(
    listed("""
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Ti Cr Mn Fe Co Ni Cu Zn As Se Br Kr Ag Cd In Sn Sb I Xe Cs Ba
    W Pt Au Hg Pb Bi U
    """)
)


def _formula(match: re.Match[str]) -> str | None:
    """Return the formula of a substance sign by sign: Fe2O3."""
    ion = _CHARGE.match(after(match, 2))
    if not ion and (not re.search("[0-9]", match[0]) or not re.search("[A-Z].*[A-Z]", match[0])):
        return None
    return dictated_signs(match[0])


def dictated_signs(written: str) -> str:
    """Return letters one by one and numbers as words."""
    words = ""
    for sign in re.findall("[A-Za-z]|[0-9]+", written):
        said = numbers.short(sign) if sign.isdigit() else sign
        words += (" " if words and words[-1].isascii() and said.isascii() else "") + said
    return words


_FILE = (
    r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}(?:\.[A-Za-z0-9_-]{1,30}){0,3}\.(?i:pdf|docx?|xlsx?|pptx?|txt|md|csv|json|xml|ya?ml|toml"
    r"|ini|cfg|conf|log|zip|rar|7z|tar|gz|tgz|exe|dmg|apk|ipa|iso|msi|deb|rpm|sh|bat|py|js|ts|jsx|tsx|java|c|h|cpp|hpp|rs|go|rb"
    r"|php|html?|css|sql|db|bak|tmp|mp3|mp4|wav|flac|m4a|aac|ogg|avi|mkv|mov|jpe?g|png|gif|bmp|svg|webp|psd|ttf|dll|so|bin|dat"
    r"|srt|vtt|epub|mobi|ipynb|pth|onnx|safetensors)"
)

AT_LETTERS: tuple[ReadingRule, ...] = (
    *chinese_amounts.AT_LETTERS,
    *(rule(form, _say) for form in ADDRESS_FORMS),
    *chinese_codes.AT_LETTERS,
    rule(rf"{LEFT}(?<![./\\@_-])(?P<address>{_FILE})(?![A-Za-z0-9_]|\.[A-Za-z0-9])", _say),
    rule(rf"{LEFT}(?<![./\\@_-])(?P<address>[A-Za-z]:(?:\\[\w.-]{{1,60}}){{1,12}}\\?)", _say),
    rule(
        rf"{LEFT}(?<![./\\@_-])(?P<address>[A-Za-z][A-Za-z0-9]{{0,40}}(?:_[A-Za-z0-9]{{1,40}}){{1,8}})(?![A-Za-z0-9_])",
        _say,
    ),
    *chinese_times.AT_LETTERS,
    rule(rf"(?<=第)(?P<roman>[IVXLC]{{1,8}})(?=\s?[{_NUMBERED_PARTS}])", _roman),
    rule(r"(?<![A-Za-z0-9])(?P<roman>I{1,3}|IV|V?I{1,3}|VI{1,3}|IX|X)(?=[期级]|型糖尿病|型[^号]|世(?![界纪]))", _roman),
    rule(
        r"(?<![0-9A-Za-z_])(?<=\w)(?P<roman>I{2,3}|IV|VI{1,3}|IX|XI{1,3}|XIV|XVI{0,3})(?![A-Za-z0-9+&/-])",
        _roman,
    ),
    rule(rf"{LEFT}[Nn][Oo]\.?(?=\s?[0-9])", lambda match: "第" if re.match(r"\s?[0-9]", after(match, 2)) else None),
    rule(rf"{LEFT}(?:{_ELEMENT}[0-9]{{0,3}}){{1,8}}(?![A-Za-z0-9]|\.[0-9])", _formula),
    rule(rf"{LEFT}[A-Z]{{1,3}}/[TZ](?= ?[0-9])", lambda match: " ".join(match[0].replace("/", ""))),
    rule(r"(?<![A-Za-z])[A-Z]{2,5}(?=-?[0-9₀-₉])", _capitals),
    rule(r"(?<![A-Za-z])[A-Z]{2,3}(?![A-Za-z&'’.])", _capitals),
    rule(rf"{LEFT}(?:WLAN|ASMR)(?![A-Za-z])", lambda match: " ".join(match[0])),
    rule(rf"{LEFT}p[Hh](?![A-Za-z])", lambda _: "P H"),
    rule(rf"{LEFT}[CFJ]#(?![A-Za-z0-9])", lambda match: f"{match[0][0]} sharp"),
    rule(rf"{LEFT}iOS(?![a-z])", lambda _: "i O S"),
    *ACRONYMS,
)

ADDRESSES: tuple[ReadingRule, ...] = (
    *(rule(form, _say) for form in ADDRESS_FORMS),
    rule(rf"{LEFT}(?<![./\\@_0-9-])(?P<address>{_FILE})(?![A-Za-z0-9_]|\.[A-Za-z0-9])", _say),
)
"""Those that begin with a digit."""

AT_SIGNS: tuple[ReadingRule, ...] = (
    rule("[Ⅰ-ⅿ]{1,6}", _roman_sign),
    rule(r"(?<![A-Za-z0-9./~-])(?P<address>(?:~|\.{1,2})?(?:/[A-Za-z0-9_.-]{1,60}){2,12}/?)(?![A-Za-z0-9])", _say),
)
