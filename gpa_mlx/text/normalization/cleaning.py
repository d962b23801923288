"""Cleaning: what is in a text for the eye or for a machine goes, so that only what a person reads aloud is left.

Control characters and ANSI sequences, invisible characters (zero-width, bidirectional, soft hyphens), emoji, HTML and
Markdown are taken out; forms that mean the same as plainer ones (full-width letters and digits, ligatures, squared
units) are folded. Every pass is one substitution over the text, with bounded repeats, so cleaning is linear.

The markers that begin a line (`#`, `-`, `1.`) stay at first: segmentation reads the lines by them. `without_markers`
takes them out afterwards.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from array import array
from collections.abc import Callable, Iterator
from functools import cache
from html.entities import html5

from gpa_mlx.text.cjk import CJK_LETTERS

Replace = Callable[[re.Match[str]], str]

_MOST_ROUNDS = 3
"""Cleaning may uncover more to clean, as an entity that stands for a tag; a text nested deeper is no text."""


class CleanText:
    """A text without what nobody reads aloud, and where its characters come from.

    Attributes:
        text: The clean text.
        raw: The text as written.
    """

    def __init__(self, raw: str) -> None:
        self.raw = self.text = raw
        self._origins: array[int] | None = None

    def origin(self, position: int) -> int:
        """Return where in the raw text a character of the clean text comes from; its end for the end."""
        if position >= len(self.text):
            return len(self.raw)
        return self._origins[position] if self._origins else position

    def edit(self, pattern: re.Pattern[str], replace: Replace) -> None:
        """Replace every match."""
        text = self.text
        self.edit_spans((match.start(), match.end(), replace(match)) for match in pattern.finditer(text))

    def edit_spans(self, spans: Iterator[tuple[int, int, str]]) -> None:
        """Replace parts of the text, from left to right; the new characters come from where the old ones began."""
        text = self.text
        pieces: list[str] = []
        origins: array[int] = array("q")
        position = 0
        for start, end, new in spans:
            if self._origins is None:
                self._origins = array("q", range(len(self.text)))
            pieces += (text[position:start], new)
            origins += self._origins[position:start]
            # What is as long as before is folded character by character.
            kept = start if len(new) == end - start else text.find(new, start, end)
            if kept >= 0:  # also what stands between markers that are taken out
                origins += self._origins[kept : kept + len(new)]
            else:
                origins += array("q", [self._origins[start]]) * len(new)
            position = end
        if pieces and self._origins is not None:
            pieces.append(self.text[position:])
            self.text, self._origins = "".join(pieces), origins + self._origins[position:]


def clean_text(raw: str) -> CleanText:
    """Take out what nobody reads aloud; markers that begin a line stay."""
    clean = CleanText(raw)
    for _ in range(_MOST_ROUNDS):
        before = clean.text
        _clean_characters(clean)
        if "<" in clean.text or "&" in clean.text:
            _clean_html(clean)
        _clean_markdown(clean)
        if clean.text == before:
            break
    return clean


def without_markers(text: str) -> str:
    """Take out the markers of headings, quotations and list items that begin a line; numbers of items stay."""
    return _MARKER.sub("", text)


# Characters ------------------------------------------------------------------------------------------------------

_ANSI = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\\]PX^_][^\x07\x1b]{0,2000}(?:\x07|\x1b\\\\)"
    "|\x1b[()#%*+][0-9A-Za-z]|\x1b[0-~]?"
)
_OVERSTRUCK = re.compile("[^\n\b]\b")
_LINE_ENDS = re.compile("[\v\f\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = re.compile(
    # Controls and soft hyphens; zero-width, bidirectional and other format characters; variation selectors; tags;
    # lone surrogates, private use, replacement characters, noncharacters.
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\U000e0000-\U0010ffff]"
    # Joiners mean something only in scripts that join.
    "|(?<![\u0600-\u0dff\u1000-\u109f])[\u200c\u200d]|[\u200c\u200d](?![\u0600-\u0dff\u1000-\u109f])"
)
_PICTURES = (
    "\u231a\u231b\u23e9-\u23ff\u25a0-\u25ff\u2600-\u26ff\u2701-\u2775\u2794-\u27bf\u2b00-\u2bff\u3030\u303d"
    "\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f12f-\U0001f16f\U0001f170-\U0001f1ff\U0001f300-\U0001faff"
)
_ARROWS = re.compile("[\u2794\u2798-\u27af\u2b95\u21d2\u27f6\u27f9]\ufe0f?")
_KEYCAP = re.compile("(?P<key>[0-9#*])\ufe0f?\u20e3")
# Marks of an emoji: how it is shown, what joins it to the next, its skin, the letters of its flag.
_EMOJI = re.compile(f"[ \t]?(?:[{_PICTURES}][\ufe0e\ufe0f\u200d\u20e3{chr(0xE0020)}-{chr(0xE007F)}]*[ \t]?)+")
_FOLDED = re.compile(
    "["
    "\uff05\uff03\uff04\uff06\uff0a\uff0b\uff0d\uff0f\uff10-\uff19\uff1d\uff20-\uff3a\uff41-\uff5a"  # full-width
    "\uffe5\uffe1\ufb00-\ufb06\u3371-\u337a\u3380-\u33df\u33ff"  # ligatures, squared units
    "\U0001d400-\U0001d7ff"  # mathematical letters
    # dashes, blanks, slashes, double marks; numbers in circles; digits of other scripts
    "\u2010\u2011\u2012\u2015\ufe58\ufe63\u2000-\u2006\u2008\u205f\u3000\u2007\u2009\u200a\u2044\u2215\u203c\u2047-\u2049"
    "\u24b6-\u24e9\u2460-\u2473\u2776-\u277f\u2780-\u2793\u2474-\u249b"
    "\u0660-\u0669\u06f0-\u06f9\u0966-\u096f"
    "]"
)
# A full-width comma or colon is part of a number only where the digits are full-width as well; else it parts two of
# them, but for the colon of a time.
_BETWEEN_WIDE_DIGITS = re.compile("(?<=[\uff10-\uff19])[\uff0c\uff1a](?=[\uff10-\uff19])")
_BETWEEN_DIGITS = re.compile("(?<=[0-9])(?:[\uff0e\uff5e\u301c\u02d0\ufe55](?=[0-9])|\uff1a(?=[0-5][0-9](?![0-9])))")
_NARROW = {"\uff0c": ",", "\uff0e": ".", "\uff1a": ":", "\uff5e": "~", "\u301c": "~", "\u02d0": ":", "\ufe55": ":"}
_SPECIAL = {
    **{"\uffe5": "¥", "\uffe1": "£", "\u2010": "-", "\u2011": "-", "\u2012": "–", "\u2015": "—", "\ufe58": "—"},
    **{"\u2007": "\u202f", "\u2008": "\u202f", "\u2009": "\u202f", "\u200a": "\u202f", "\u2044": "/", "\u2215": "/"},
}


def _clean_characters(clean: CleanText) -> None:
    if clean.text.isascii() and clean.text.isprintable():
        return
    clean.edit(_ANSI, lambda _: "")
    clean.edit(_OVERSTRUCK, lambda _: "")
    clean.edit(_LINE_ENDS, lambda _: "\n")
    if not clean.text.isascii():
        clean.edit(_KEYCAP, lambda match: match["key"])
        clean.edit(_ARROWS, lambda _: "→")
        clean.edit(_EMOJI, _gap)
    clean.edit(_INVISIBLE, lambda _: "")
    if not clean.text.isascii():
        clean.edit(_BETWEEN_WIDE_DIGITS, lambda match: _NARROW[match[0]])
        clean.edit(_FOLDED, lambda match: _folded(match[0]))
        clean.edit(_BETWEEN_DIGITS, lambda match: _NARROW[match[0]])


@cache
def _folded(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character == "\u33a5" or "\u33a0" <= character <= "\u33a6":  # ㎡, ㎥ and their like keep the sign of the power
        return unicodedata.normalize("NFKC", character).replace("2", "²").replace("3", "³")
    value = unicodedata.numeric(character, None)
    if value is not None and value == int(value):
        # Numbers in circles and brackets begin items, so a word after them is apart.
        return str(int(value)) if unicodedata.category(character) == "Nd" else f"{int(value)} "
    return unicodedata.normalize("NFKC", character)


def _gap(match: re.Match[str]) -> str:
    """Return what takes the place of emoji: a blank where words would run into one."""
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    if not before or not after or before.isspace() or after.isspace() or not (after.isalnum() or after in "([{“‘\"'$"):
        return " " if after.isspace() and not before.isspace() and match[0].endswith(("\t", "  ")) else ""
    return "" if re.match(f"[{CJK_LETTERS}]", before) and re.match(f"[{CJK_LETTERS}]", after) else " "


# HTML ------------------------------------------------------------------------------------------------------------

_BLOCKS = (
    "address|article|aside|blockquote|body|br|center|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]"
    "|head|header|hr|html|li|main|nav|ol|option|p|pre|section|select|summary|table|tbody|tfoot|thead|title|tr|ul"
)
_INLINE = (
    "a|abbr|acronym|audio|b|bdi|bdo|big|button|canvas|caption|cite|code|col|colgroup|data|del|dfn|em|embed|font|i|iframe"
    "|img|input|ins|kbd|label|link|map|mark|meta|object|picture|q|rp|rt|ruby|s|samp|small|source|span|strike|strong|sub"
    "|sup|svg|td|textarea|th|time|tt|u|var|video|wbr"
)
_REST_OF_TAG = (
    r"(?:\s[^<>=]{0,500}=[^<>]{0,2000}|\s{1,5}(?:async|autoplay|checked|controls|defer|disabled|hidden|loop|multiple|muted"
    r"|open|readonly|required|selected)\s{0,5})?\s{0,5}/?>"
)
_HIDDEN = re.compile(r"<(?:!--|(?P<tag>script|style|noscript|template)\b)", re.IGNORECASE)
_RAISED = re.compile(r"<(?P<tag>su[bp])>(?P<digits>[-+−0-9]{1,6})</(?P=tag)>", re.IGNORECASE)
_CELLS = re.compile(rf"</t[dh]>[ \t\n]{{0,50}}<t[dh]{_REST_OF_TAG}", re.IGNORECASE)
_ITEM_TAG = re.compile(rf"[ \t\r\n]{{0,20}}<li{_REST_OF_TAG}[ \t]{{0,20}}", re.IGNORECASE)
_BLOCK_TAGS = re.compile(rf"[ \t]{{0,20}}(?:</?(?:{_BLOCKS}){_REST_OF_TAG}[ \t\r\n]{{0,50}})+", re.IGNORECASE)
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE}){_REST_OF_TAG}", re.IGNORECASE)
_OTHER_TAG = re.compile(
    r"</[A-Za-z][A-Za-z0-9:_-]{0,40}\s?>|<[A-Za-z][A-Za-z0-9:_-]{0,40}\s[^<>]{0,2000}=[^<>]{0,2000}>"
    r"|<[A-Za-z][A-Za-z0-9:_-]{0,40}\s?/>|<!DOCTYPE[^<>]{0,200}>|<\?xml[^<>]{0,200}>|<!\[CDATA\[|\]\]>",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"(?<![0-9A-Za-z])<(?P<inside>[A-Za-z][^<>\s=]{1,300}|[A-Za-z]+(?: [A-Za-z]+){1,4})>")
_CLOSING = re.compile(r"</([A-Za-z][A-Za-z0-9:_-]{0,40})\s?>")
_ENTITY = re.compile(
    r"&(?:#(?P<decimal>[0-9]{1,7})|#[xX](?P<hex>[0-9A-Fa-f]{1,6})|(?P<name>[A-Za-z][A-Za-z0-9]{1,31}));"
)
_SUPERSCRIPTS = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
_SUBSCRIPTS = str.maketrans("0123456789+-−", "₀₁₂₃₄₅₆₇₈₉₊₋₋")


def _clean_html(clean: CleanText) -> None:
    if "<" in clean.text and ">" in clean.text:
        clean.edit_spans(_hidden_spans(clean.text))
        clean.edit(_RAISED, _raised)
        clean.edit(_CELLS, lambda _: ", ")
        clean.edit(_ITEM_TAG, lambda match: "- " if match.start() == 0 else "\n- ")
        clean.edit(_BLOCK_TAGS, _break)
        clean.edit(_INLINE_TAG, lambda _: "")
        closed = {match[1] for match in _CLOSING.finditer(clean.text)}
        clean.edit(_OTHER_TAG, lambda _: "")
        clean.edit(_PLACEHOLDER, lambda match: "" if match["inside"] in closed else match["inside"])
    if "&" in clean.text:
        clean.edit(_ENTITY, _entity)


def _hidden_spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield comments and scripts. What has no end stays, and no end is searched for twice in vain."""
    lowered = text.lower()
    position = 0
    missing: set[str] = set()
    for match in _HIDDEN.finditer(text):
        end = f"</{match['tag'].lower()}" if match["tag"] else "-->"
        if match.start() < position or end in missing:
            continue
        found = lowered.find(end, match.end())
        if found < 0 or len(lowered) != len(text):
            missing.add(end)
            continue
        closed = lowered.find(">", found)
        position = closed + 1 if closed >= 0 else len(text)
        yield match.start(), position, ""


def _raised(match: re.Match[str]) -> str:
    return match["digits"].translate(_SUBSCRIPTS if match["tag"].lower() == "sub" else _SUPERSCRIPTS)


def _break(match: re.Match[str]) -> str:
    """Return the line breaks of tags that begin or end a block."""
    if match.start() == 0 or match.end() == len(match.string):
        return ""
    return "\n\n" if re.search(r"</(?:p|h[1-6]|ul|ol|table|div|blockquote)\b", match[0], re.IGNORECASE) else "\n"


def _entity(match: re.Match[str]) -> str:
    if match["name"]:
        return html5.get(f"{match['name']};", match[0])
    code = int(match["decimal"]) if match["decimal"] else int(match["hex"], 16)
    return chr(code) if 0 < code <= sys.maxunicode and not 0xD800 <= code < 0xE000 else " "


# Markdown --------------------------------------------------------------------------------------------------------

_LATIN = "0-9A-Za-z"
_MARKUP = re.compile(r"[*_`~\[\]|\\#=-]")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^`\n]*$\n?", re.MULTILINE)
_DEFINITION = re.compile(r"^[ \t]{0,3}\[[^\]\n]{1,100}\]:[ \t]+(?:<|https?:|www\.|/|#|mailto:)[^\n]*$\n?", re.MULTILINE)
_RULE = re.compile(
    # A line under a heading or between paragraphs, or the second line of a table.
    r"^[ \t]*(?:\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?"
    r"|={3,}|\*{3,}|_{3,}|-(?:[ \t]-){2,}|\*(?:[ \t]\*){2,})[ \t]*$(?P<end>\n?)",
    re.MULTILINE,
)
_ROW = re.compile(r"^[ \t]*\|(?P<cells>[^\n]*)\|[ \t]*$", re.MULTILINE)
_BAR = re.compile(r"(?<=\S)[ \t]{1,20}[|•‖](?:[ \t]{1,20})(?=\S)")
_HEADING_LINE = re.compile(r"^[ \t]{0,3}#{1,6}[ \t][^\n]*", re.MULTILINE)
_TASK = re.compile(r"^(?P<marker>[ \t]*(?:[-*+]|[0-9]{1,3}[.)])[ \t]+)\[[ xX]\][ \t]+", re.MULTILINE)
_LINK = re.compile(
    r"!?\[(?P<text>(?:[^\[\]\n]|!?\[[^\[\]\n]{0,200}\](?:\([^()\n]{0,500}\))?){0,300})\]"
    r"(?:\((?![0-9., ]{0,10}\))[^()\n]{0,1000}(?:\([^()\n]{0,200}\)[^()\n]{0,1000})?\)|\[[^\[\]\n]{0,100}\])"
)
_WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|\n]{1,200}\|)?(?P<text>[^\[\]|\n]{1,200})\]\]")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,50}\](?::[ \t]?)?")
_CITATION = re.compile(
    r"(?<=[A-Za-z]{2}[.,;a-z”\"’)])(?:\[[0-9]{1,3}(?:[,–-] ?[0-9]{1,3}){0,5}\]){1,5}|\[(?:citation needed|来源请求)\]"
)
_STRONG = re.compile(rf"(?<![{_LATIN}*])\*{{1,3}}(?=[^\s*])(?P<text>[^*\n]{{1,300}}?)(?<=[^\s*])\*{{1,3}}(?!\*)")
_STARS = re.compile(
    # All but the signs of sums: 2*3, 2 ** 3.
    rf"(?<![{_LATIN})] )(?<![{_LATIN}*])\*{{2,}}|\*{{2,}}(?![{_LATIN}*]| [{_LATIN}(])"
    rf"|(?<=[^\s*])\*+(?![{_LATIN}*])|(?<!\S)\*(?=[A-Za-z])"
)
_UNDERSCORES = re.compile(r"(?<![\w/.@:=&?#%-])_{1,3}(?=[^\s_])|(?<=[^\s_/=&?%-])_{1,3}(?!\w|/)|(?<!\S)_{3,}|_{4,}")
_UNDERLINED = re.compile(
    # Chinese has no blanks, so what is marked may end right before the next word.
    rf"(?<![\w/.@:=&?#%-])(?P<mark>_{{1,3}})(?=[^\s_])(?P<text>[^_\n]{{1,200}})(?<=[^\s_])(?P=mark)(?=[{CJK_LETTERS}])"
)
_TICKS = re.compile(r"`+")
_STRUCK = re.compile(
    r"~~(?=\S)(?P<text>[^~\n]{1,500}?)(?<=\S)~~|(?<!=)==(?=[^\s=])(?P<marked>[^=\n]{1,300}?)(?<=[^\s=])==(?!=)"
)
_ESCAPED = re.compile(r"\\(?P<sign>[*_#`~\[\]|{}+!.>()-])")
_MARKER = re.compile(
    r"^[ \t]*(?:>+[ \t]+|>+(?=[A-Za-z])|#{1,6}[ \t]+|[-*•‣◦▪●○·–][ \t]+|\+[ \t]+(?![0-9]))+", re.MULTILINE
)
_HAN = re.compile(f"[{CJK_LETTERS}]")


def _clean_markdown(clean: CleanText) -> None:
    if not _MARKUP.search(clean.text) and "•" not in clean.text:
        return
    if "\\" in clean.text:
        clean.edit(_ESCAPED, lambda match: "" if match["sign"] in "*_`~" else match["sign"])
    if "``" in clean.text or "~~~" in clean.text:
        clean.edit(_FENCE, lambda _: "")
    if "[" in clean.text:
        clean.edit(_DEFINITION, lambda _: "")
        clean.edit(_FOOTNOTE, lambda _: "")
        clean.edit(_WIKI_LINK, lambda match: match["text"])
        clean.edit(_TASK, lambda match: match["marker"])
        clean.edit(_CITATION, lambda _: "")
        clean.edit(_LINK, _link)
    clean.edit(_RULE, lambda match: match["end"] if "|" not in match[0] else "")
    if "|" in clean.text or "•" in clean.text:
        clean.edit(_ROW, _row)
        clean.edit(_BAR, lambda _: ", ")
    if "#" in clean.text:
        clean.edit(_HEADING_LINE, _heading)
    if "*" in clean.text:
        clean.edit(_STRONG, lambda match: match["text"])
        clean.edit(_STARS, lambda _: "")
    if "_" in clean.text:
        clean.edit(_UNDERLINED, lambda match: match["text"])
        clean.edit(_UNDERSCORES, lambda _: "")
    clean.edit(_TICKS, lambda _: "")
    if "~~" in clean.text or "==" in clean.text:
        clean.edit(_STRUCK, lambda match: match["text"] or match["marked"])


def _link(match: re.Match[str]) -> str:
    inner = match["text"]
    image = re.search(r"!?\[([^\[\]\n]*)\]", inner)  # a picture that is a link
    return image[1] if image else inner


def _row(match: re.Match[str]) -> str:
    cells = [cell.strip() for cell in match["cells"].split("|")]
    return "- " + ("，" if _HAN.search(match[0]) else ", ").join(cell for cell in cells if cell)


def _heading(match: re.Match[str]) -> str:
    """Return a heading without the signs that close it, and apart from the line after it."""
    return re.sub(r"[ \t]#{1,6}[ \t]*\Z", "", match[0])
