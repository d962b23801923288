"""Names of files, paths and identifiers in English."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import english_numbers as numbers
from gpa_mlx.text.normalization.rules import LEFT, MASK, RIGHT, ReadingRule, one_of, rule

_ENDINGS = {
    **{
        "pdf": "P D F",
        "txt": "T X T",
        "py": "P Y",
        "js": "J S",
        "ts": "T S",
        "json": "JSON",
        "md": "M D",
        "csv": "C S V",
    },
    **{"xls": "X L S", "xlsx": "X L S X", "doc": "doc", "docx": "doc X", "ppt": "P P T", "pptx": "P P T X"},
    **{"jpg": "J P G", "jpeg": "J PEG", "png": "P N G", "gif": "gif", "svg": "S V G", "mp3": "M P three"},
    **{"mp4": "M P four", "wav": "wav", "zip": "zip", "tar": "tar", "gz": "G Z", "exe": "E X E", "dll": "D L L"},
    **{
        "html": "H T M L",
        "htm": "H T M",
        "css": "C S S",
        "xml": "X M L",
        "yaml": "yaml",
        "yml": "Y M L",
        "toml": "toml",
    },
    **{
        "ini": "ini",
        "log": "log",
        "sh": "S H",
        "cpp": "C P P",
        "rs": "R S",
        "java": "java",
        "php": "P H P",
        "sql": "S Q L",
    },
    **{"db": "D B", "apk": "A P K", "iso": "I S O", "dmg": "D M G", "bat": "bat", "cfg": "C F G", "conf": "conf"},
    **{"tmp": "T M P", "epub": "E pub", "srt": "S R T", "flac": "flac", "mov": "M O V", "avi": "A V I", "mkv": "M K V"},
    **{
        "psd": "P S D",
        "rtf": "R T F",
        "ipynb": "I P Y N B",
        "webp": "web P",
        "jsx": "J S X",
        "tsx": "T S X",
        "vtt": "V T T",
    },
}
_SIGNS = {"/": "slash", "\\": "backslash", ".": "dot", "_": "underscore", "-": "dash", "~": "tilde", ":": "colon"}
_PART = re.compile(r"[A-Za-z]+|[0-9]+|.")
_ENDING = one_of(_ENDINGS)
_NO_VOWELS = re.compile(r"(?i:[^aeiouy]{2,5})")


def _say_parts(written: str) -> str:
    parts = [_say_part(part) for part in _PART.findall(written)]
    return " ".join(part for part in parts if part)


def _say_part(part: str) -> str:
    if part.isdigit():
        return numbers.whole_number(part) if len(part) < 3 else numbers.digit_by_digit(part)
    if part.isalpha() and _NO_VOWELS.fullmatch(part):
        return " ".join(part.upper())
    return _SIGNS.get(part, part.strip())


def _file(match: re.Match[str]) -> str:
    return f"{_say_parts(match['name'])} dot {_ENDINGS[match['ending'].lower()]}".strip()


def _path(match: re.Match[str]) -> str:
    path = match["path"]
    name, dot, ending = path.rpartition(".")
    if dot and ending.lower() in _ENDINGS:
        return f"{_say_parts(name)} dot {_ENDINGS[ending.lower()]}"
    return _say_parts(path)


AT_LETTERS: tuple[ReadingRule, ...] = (
    rule(
        rf"{LEFT}(?P<path>(?:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,40}}/){{1,10}}[A-Za-z0-9_-]{{1,80}}\.{_ENDING}){RIGHT}(?![/@])",
        _path,
    ),
    rule(rf"{LEFT}(?P<path>[A-Za-z]:\\[\w{MASK}\\.-]{{0,200}}[\w{MASK}\\])", _path),
    rule(
        rf"{LEFT}(?P<name>[A-Za-z0-9][\w{MASK}-]{{0,80}}(?:\.[\w{MASK}-]{{1,40}}){{0,3}}?)\.(?P<ending>{_ENDING}|(?-i:{_ENDING.upper()}))"
        rf"{RIGHT}(?![/@])",
        _file,
    ),
    rule(rf"{LEFT}(?P<path>[ur]/[A-Za-z0-9_]{{2,30}}){RIGHT}(?!/)", _path),
    rule(
        rf"{LEFT}[A-Za-z][A-Za-z0-9]{{0,40}}(?:_[A-Za-z0-9]{{1,40}}){{1,8}}{RIGHT}",
        lambda match: " ".join(_say_part(part) for part in _PART.findall(match[0]) if part != "_"),
    ),
    rule(
        rf"{LEFT}localhost:(?P<port>[0-9]{{2,5}}){RIGHT}",
        lambda match: f"localhost colon {numbers.pairs(match['port'])}",
    ),
)
"""`notes.txt`, `C:\\Users`, `u/name` and `snake_case`."""

AT_DIGITS: tuple[ReadingRule, ...] = (AT_LETTERS[0], AT_LETTERS[2])
"""`2024_report.pdf`."""

AT_SIGNS: tuple[ReadingRule, ...] = (
    rule(rf"(?<![\w/<.:)~])(?P<path>(?:~|\.{{1,2}})?(?:/[\w{MASK}.@+-]{{1,60}}){{1,20}}(?<![.])/?)(?<!/)", _path),
    rule(
        r"(?<![\w.])@(?P<path>[A-Za-z0-9_]{1,30}_[A-Za-z0-9_]{1,30})(?!\w|\.\w)",
        lambda match: f"at {_say_parts(match['path'])}",
    ),
    rule(
        r"#(?P<tag>[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+)(?!\w)",
        lambda match: "hashtag " + re.sub("(?<=[a-z0-9])(?=[A-Z])", " ", match["tag"]),
    ),
)
"""`/etc/hosts`, `@snake_case`, `#CamelCase`."""
