"""Voice cards: what a mailer does to them is tolerated, all else is refused."""

from __future__ import annotations

import contextlib
import dataclasses
import textwrap
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gpa_mlx.errors import VoiceError
from gpa_mlx.types import Voice, VoiceOrigin
from gpa_mlx.voices.card import MAX_BYTES, decode_card, format_card, parse_card, read_card
from tests.support.examples import examples

ORIGIN = VoiceOrigin(
    source_sha256="0123456789abcdef" * 4,
    start_s=1.25,
    end_s=7.25,
    made_on="2026-11-21",
    consent="The person who made this voice stated that they have the right to use it.",
)
VOICE = Voice(
    name="Änna 安娜",
    family="bicodec-0123456789ab",
    global_tokens=tuple(range(4064, 4096)),
    description="A woman > check: name: (über 40).",
    origin=ORIGIN,
)
CARD = format_card(VOICE)


def lines_of(card):
    return card.splitlines()


texts = (
    st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=30)
    .map(lambda text: " ".join(unicodedata.normalize("NFC", text).split()))
    .filter(str.isprintable)
)
names = texts.filter(lambda text: text and not set(text) & set("/\\"))
times = st.integers(0, 10**6).map(lambda hundredths: hundredths / 100)
origins = st.builds(
    lambda digest, start, length, day, consent: VoiceOrigin(
        source_sha256=digest,
        start_s=start,
        end_s=round(start + length, 2),
        made_on=day.isoformat(),
        consent=consent,
    ),
    st.text("0123456789abcdef", min_size=64, max_size=64),
    times,
    times.filter(bool),
    st.dates(),
    texts,
)
voices = st.builds(
    Voice,
    name=names,
    global_tokens=st.lists(st.integers(0, 4095), min_size=1, max_size=32).map(tuple),
    family=texts,
    description=texts,
    origin=st.none() | origins,
)


def test_a_card_is_small_and_tells_what_it_is():
    assert len(CARD.encode()) <= MAX_BYTES < 1024
    lines = lines_of(CARD)
    assert lines[0] == "gpa-mlx voice card, version 1"
    assert lines[1:8] == [
        "name: Änna 安娜",
        "family: bicodec-0123456789ab",
        "description: A woman > check: name: (über 40).",
        f"source: {ORIGIN.source_sha256}",
        "window: 1.25 to 7.25 s",
        "made: 2026-11-21",
        f"consent: {ORIGIN.consent}",
    ]
    assert lines[-1].startswith("check: ")


@given(voices)
def test_round_trip(voice):
    assert parse_card(format_card(voice), "x") == voice


@st.composite
def mailed(draw):
    """A card after a mailer: wrapped, quoted, with other line ends, spaces and words around it."""
    width = draw(st.integers(40, 100))
    quote = draw(st.sampled_from(["", "> ", ">> ", " > > ", "\t", ">"]))
    trail = draw(st.sampled_from(["", " ", "  \t", "\u00a0"]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    blank = draw(st.booleans())
    decomposed = draw(st.booleans())
    lines = []
    for line in lines_of(CARD):
        lines += textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) + [""] * blank
    text = "".join(f"{quote}{line}{trail}{end}" for line in ["Hello, here it is:", "", *lines, "-- ", "name: Bob"])
    return unicodedata.normalize("NFD", text) if decomposed else text


@given(mailed())
def test_what_mail_does_changes_nothing(text):
    # A piece that begins with a quote mark or a key of its own cannot be told from one.
    pieces = [line.lstrip("> \t") for line in text.splitlines() if line.strip("> \t\u00a0")]
    assume(not any(piece.startswith(("check: name", "name: (über")) for piece in pieces))
    assume("> check" in text.replace("\r\n", "\n"))
    try:
        assert parse_card(text, "x") == VOICE
    except VoiceError as error:
        raise AssertionError(f"{error}\n{text}") from error


@pytest.mark.parametrize("place", range(1, 64, 9))
def test_the_long_hash_may_be_broken_anywhere(place):
    digest = ORIGIN.source_sha256
    assert parse_card(CARD.replace(digest, f"{digest[:place]}\n> {digest[place:]}"), "x") == VOICE


def typed_by_a_word_processor(card):
    return card.replace("'", "\u2019").replace('"', "\u201c").replace("--", "\u2014").replace("...", "\u2026")


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.replace(" ", "\u00a0"),
        lambda card: card.replace(" ", "\u202f"),
        lambda card: card.replace(" ", "\u3000"),
        lambda card: card.replace(": ", ": \u200b").replace("a", "a\u00ad"),
        lambda card: "\ufeff" + card.replace("\n", "\r\n"),
        lambda card: "\u200e" + card.replace("\n", "\u2028"),
        lambda card: "".join(f"      {line}\n" for line in card.splitlines()),
        lambda card: "".join(f"| \u00a0> {line} \n" for line in card.splitlines()),
        lambda card: card.replace("-", "\u2011"),
        lambda card: card.replace("-", "\u2013"),
        lambda card: card.replace("gpa-mlx", "Gpa-mlx").replace("name:", "Name:").replace("codes: ", "Codes : "),
        typed_by_a_word_processor,
        lambda card: typed_by_a_word_processor(card).replace(" ", "\u00a0"),
    ],
)
def test_what_word_processors_do_changes_nothing(change):
    voice = dataclasses.replace(VOICE, name="Anna's", description='She said "no" -- twice... well-read')
    text = change(format_card(voice))
    assert text != format_card(voice)
    assert parse_card(text, "x") == voice


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_the_encoding_of_a_card_is_found(encoding):
    bom = b"\xff\xfe" if encoding == "utf-16-le" else b""
    voice = dataclasses.replace(VOICE, name="Änna", description="")
    assert decode_card(bom + format_card(voice).encode(encoding), "x") == voice


def test_what_was_typed_with_long_dashes_stays_so():
    voice = dataclasses.replace(VOICE, description="one \u2014 two \u2013 \u201cthree\u201d\u2026")
    assert parse_card(format_card(voice), "x") == voice


_CHARACTERS = st.sampled_from("0123456789abcdefXYZ >:\n\t.äé\u00a0\u2014安\u202e") | st.characters(
    exclude_categories=("Cs",)
)


@st.composite
def mutated(draw):
    """A card with one character changed, added or dropped."""
    place = draw(st.integers(0, len(CARD) - 1))
    kind = draw(st.sampled_from(["change", "add", "drop"]))
    new = "" if kind == "drop" else draw(_CHARACTERS)
    return CARD[:place] + new + CARD[place + (kind != "add") :]


@examples(1000)
@given(mutated())
def test_a_changed_character_is_refused_or_changes_nothing(text):
    try:
        voice = parse_card(text, "x")
    except VoiceError:
        return
    assert voice == VOICE


def test_every_swapped_digit_is_refused_with_its_line():
    number = next(index for index, line in enumerate(lines_of(CARD), start=1) if line.startswith("codes:"))
    damaged = CARD.replace("4070", "4071", 1)
    with pytest.raises(VoiceError, match=rf"^x is not a whole voice card: line {number}: 'codes' is not what was"):
        parse_card(damaged, "x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda card: "", "x holds no voice card."),
        (lambda card: "Hello", "x holds no voice card."),
        (lambda card: card + card, "x holds 2 voice cards."),
        (lambda card: card.replace("version 1", "version 2"), "version 2; this program reads version 1."),
        (lambda card: card[: card.index("check")], "the line 'check:' is missing"),
        (lambda card: card.replace("Änna", "Anna"), "line 2: 'name' is not what was written."),
        (lambda card: card.replace("family: ", "famly: "), "the check is for 8 fields, and the card has 7."),
        (lambda card: card.replace("1.25 to", "1.35 to"), "line 6: 'window' is not what was written."),
        (lambda card: card.replace("have the right", "have no right"), "line 8: 'consent' is not what was written."),
        (lambda card: card.replace("made: 2026-11-21\n", ""), "the check is for 8 fields, and the card has 7."),
        (lambda card: card.replace("made:", "name:"), "line 7: 'name' does not belong after 'window'."),
        (lambda card: card.replace("name: ", "", 1), "line 2: it should begin with 'name:'."),
        (lambda card: card[:-2] + "\n", "the check is mangled."),
        (lambda card: card.replace("check: ", "check: 0"), "the check is mangled."),
    ],
)
def test_a_mangled_card_is_refused_with_the_reason(change, words):
    text = change(CARD)
    assert text != CARD
    with pytest.raises(VoiceError) as caught:
        parse_card(text, "x")
    assert words in caught.value.message
    assert caught.value.hint


def signed(*lines):
    """A card written by hand, with the right check."""
    from gpa_mlx.voices.card import _check_sum, _Field

    fields = [_Field(*line.split(": ", 1), 0) for line in lines]
    return "\n".join(["gpa-mlx voice card, version 1", *lines, f"check: {_check_sum(fields)}"])


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["name: a"], "'codes' is missing"),
        (["codes: 1"], "'name' is missing"),
        (["name: a", "codes: 1 -2"], "'codes' must be numbers"),
        (["name: a", "codes: 9999999999"], "not a code"),
        (["name: a/b", "codes: 1"], "'name' must be"),
        (["name: a", "made: 2026-11-21", "codes: 1"], "'source' is missing"),
        (["name: a", "consent: yes", "codes: 1"], "'source' is missing"),
        (["name: a", f"source: {'0' * 64}", "window: 2.00 to 1.00 s", "made: 2026-11-21", "codes: 1"], "before it"),
        (["name: a", f"source: {'0' * 64}", "window: 1 to 2 s", "made: 2026-11-21", "codes: 1"], "'window' must be"),
        (["name: a", f"source: {'0' * 64}", "window: 0.00 to 2.00 s", "made: today", "codes: 1"], "'made_on' must be"),
        (["name: a", "source: abc", "window: 0.00 to 2.00 s", "made: 2026-11-21", "codes: 1"], "'source_sha256'"),
    ],
)
def test_a_card_with_a_right_check_and_wrong_content_is_refused(lines, words):
    assert parse_card(signed("name: a", "codes: 1 2"), "x") == Voice(name="a", global_tokens=(1, 2))
    with pytest.raises(VoiceError) as caught:
        parse_card(signed(*lines), "x")
    assert words in caught.value.message


@given(st.text() | st.lists(st.sampled_from([*lines_of(CARD), "", "check:", "codes: x"])).map("\n".join))
def test_any_text_gives_a_voice_or_its_error(text):
    with contextlib.suppress(VoiceError):
        assert parse_card(text, "x").name


def test_texts_that_are_too_long_make_no_card():
    voice = Voice(name="anna", global_tokens=(1,), description="x" * 1000)
    with pytest.raises(VoiceError, match=r"would have 1\d\d\d bytes; at most 1023"):
        format_card(voice)


def test_a_voice_that_means_nothing_makes_no_card():
    with pytest.raises(VoiceError, match="not a code"):
        format_card(Voice(name="anna", global_tokens=(-1,)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"RIFF" + bytes(10**5), "is too large for a voice card"),
        (b"", "holds no voice card"),
    ],
)
def test_files_that_are_no_cards_are_named(tmp_path, content, words):
    path = tmp_path / "anna.voice"
    path.write_bytes(content)
    with pytest.raises(VoiceError) as caught:
        read_card(path)
    assert str(path) in caught.value.message
    assert words in caught.value.message


def test_files_are_read(tmp_path):
    (tmp_path / "anna.voice").write_bytes(b"\xef\xbb\xbf" + CARD.replace("\n", "\r\n").encode())
    assert read_card(tmp_path / "anna.voice") == VOICE
    assert decode_card(CARD.encode(), "x") == VOICE
    with pytest.raises(VoiceError, match=r"bob\.voice cannot be read: No such file"):
        read_card(tmp_path / "bob.voice")
