"""Timed text: what was written is read again by a parser that shares nothing with the writer."""

from __future__ import annotations

import io
import itertools
import json
import random
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.errors import SettingsError
from gpa_mlx.transcripts.cues import Cue, Layout, make_cues
from gpa_mlx.transcripts.formats import FORMATS, format_of, render
from gpa_mlx.transcripts.formats.subtitles import write_srt, write_vtt
from gpa_mlx.types import Segment
from tests.support.examples import examples

CASES = examples(300)
MANY = 10_000
NASTY = (
    "-->",
    "--",
    ">",
    "\n\n",
    "\r\n",
    "\t",
    "\x85",
    "\u2028",
    "\x1c",
    "\0",
    "&amp;",
    "&",
    "<i>",
    "WEBVTT",
    "NOTE x",
    "7",
    "00:00:00,000 --> 00:00:01,000",
    "\ufeff",
    "\ud800",
    "\udc00",
    "你好，世界。",
    "“",
    "e\u0301",
    "👩‍👩‍👧",
    " ",
    "word",
)
texts = st.one_of(st.text(max_size=12), st.lists(st.sampled_from(NASTY), max_size=8).map("".join))
layouts = st.one_of(
    st.just(Layout()),
    st.builds(Layout, max_line_width=st.integers(1, 40), max_line_count=st.none() | st.integers(1, 4)),
)
seconds = st.floats(-10, 500_000, allow_nan=False)


def segment(start_s, end_s, text, confidence=None):
    return Segment(start_s=start_s, end_s=end_s, text=text, confidence=confidence)


@st.composite
def anything(draw):
    """Segments in any order, overlapping, of any length."""
    return [segment(draw(seconds), draw(seconds), draw(texts)) for _ in range(draw(st.integers(0, 4)))]


@st.composite
def recordings(draw):
    """Segments as the engine gives them: in order, apart, 10 ms or longer."""
    marks = sorted(draw(st.sets(st.integers(0, 40_000_000), min_size=2, max_size=8)))
    pairs = zip(marks[::2], marks[1::2], strict=False)
    return [segment(start / 100, end / 100, draw(texts)) for start, end in pairs]


# -- an independent reader -------------------------------------------------------------------------------------------

TIME = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)[,.](\d{3})"


def milliseconds(hours, minutes, second, rest):
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(second)) * 1000 + int(rest)


def lines_of(content):
    """Lines as a reader sees them that takes every kind of line end; the strictest kind must see the same."""
    lines = io.StringIO(content, newline=None).read().split("\n")
    assert lines.pop() == ""
    assert lines == content.splitlines()
    return lines


def blocks_of(lines):
    assert not lines or lines[-1] == ""
    return [list(group) for filled, group in itertools.groupby(lines, bool) if filled]


def timing(line, mark):
    match = re.fullmatch(f"{TIME} --> {TIME}", line)
    assert match is not None
    assert line.count(mark) == 2
    return milliseconds(*match.groups()[:4]), milliseconds(*match.groups()[4:])


def read_srt(content):
    cues = []
    for number, (index, times, *shown) in enumerate(blocks_of(lines_of(content)), start=1):
        assert index == str(number)
        assert len(times.split(" --> ")[0].split(":")) == 3
        cues.append((*timing(times, ","), shown))
    return cues


def read_vtt(content):
    lines = lines_of(content)
    assert lines[:2] == ["WEBVTT", ""]
    cues = []
    for times, *shown in blocks_of(lines[2:]):
        assert not [line for line in shown if "-->" in line or "<" in line or re.search("&(?!amp;|lt;|gt;)", line)]
        plain = [line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for line in shown]
        cues.append((*timing(times, "."), plain))
    return cues


def read_tsv(content):
    head, *rows = lines_of(content)
    assert head == "start\tend\ttext"
    cells = [row.split("\t") for row in rows]
    return [(int(start), int(end), [text]) for start, end, text in cells]


def squeezed(text):
    """The characters that must survive, without what separates them."""
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    kept = [c for c in text if not c.isspace() and unicodedata.category(c) != "Cc" and c != "\ufeff"]
    return re.sub("-+>", "->", "".join(kept))


def spoken(segments):
    return [text for item in sorted(segments, key=lambda item: item.start_s) if (text := squeezed(item.text))]


def read_audacity(content):
    cells = [row.split("\t") for row in lines_of(content)]
    assert all(re.fullmatch(r"\d+\.\d{6}", time) for start, end, _ in cells for time in (start, end))
    return [(round(float(start) * 1000), round(float(end) * 1000), [text]) for start, end, text in cells]


TABLES = ("tsv", "audacity")
READERS = {"srt": read_srt, "vtt": read_vtt, "tsv": read_tsv, "audacity": read_audacity}


# -- properties ------------------------------------------------------------------------------------------------------


def check(kind, segments, layout):
    content = render(kind, segments, layout)
    content.encode()
    cues = READERS[kind](content)
    free_ms = 0
    for start_ms, end_ms, shown in cues:
        assert free_ms <= start_ms < end_ms
        free_ms = end_ms
        assert shown
        assert all(line == line.strip() != "" and "-->" not in line for line in shown)
        if kind not in TABLES and layout.max_line_width:
            assert max(map(len, shown)) <= layout.max_line_width
            assert len(shown) <= (layout.max_line_count or len(shown))
    everything = squeezed("".join(line for *_, shown in cues for line in shown))
    assert everything == squeezed("".join(spoken(segments)))
    if kind in TABLES or layout.max_line_count is None:
        assert [squeezed("".join(shown)) for *_, shown in cues] == spoken(segments)


@CASES
@given(segments=anything(), layout=layouts)
def test_what_was_written_can_be_read(segments, layout):
    for kind in READERS:
        check(kind, segments, layout)


@pytest.mark.slow
def test_ten_thousand_files_can_be_read():
    """Hypothesis finds and shrinks odd cases, but slowly; this covers many ordinary ones."""
    draw = random.Random(0)

    def text():
        if draw.random() < 0.5:
            return "".join(draw.choices(NASTY, k=draw.randrange(8)))
        top = draw.choice((0x7F, 0x2FFF, 0x9FFF, 0x10FFFF))
        return "".join(chr(draw.randint(0, top)) for _ in range(draw.randrange(20)))

    for case in range(MANY):
        width = draw.choice((None, draw.randint(1, 40)))
        count = None if width is None else draw.choice((None, draw.randint(1, 3)))
        segments = [segment(draw.uniform(-5, 9), draw.uniform(-5, 5e5), text()) for _ in range(draw.randrange(4))]
        kind = list(READERS)[case % len(READERS)]
        check(kind, segments, Layout(max_line_width=width, max_line_count=count))


@CASES
@given(segments=recordings(), layout=layouts)
def test_the_times_of_a_recording_are_kept(segments, layout):
    heard = [item for item in segments if squeezed(item.text)]
    cues = read_srt(render("srt", segments, layout))
    if layout.max_line_count is None:
        assert [cue[:2] for cue in cues] == [(round(item.start_s * 1000), round(item.end_s * 1000)) for item in heard]
    elif heard:
        assert cues[0][0] == round(heard[0].start_s * 1000)
        starts = {start for start, *_ in cues}
        # Only cues of one character in a millisecond can push the next segment away.
        long = all(len(item.text) < (item.end_s - item.start_s) * 1000 for item in heard)
        assert not long or {round(item.start_s * 1000) for item in heard} <= starts


@CASES
@given(segments=anything())
def test_text_and_json_can_be_read(segments):
    assert [squeezed(line) for line in lines_of(render("txt", segments))] == spoken(segments)
    document = json.loads(render("json", segments).encode())
    assert [(item["start"], item["end"]) for item in document["segments"]] == [
        (item.start_s, item.end_s) for item in segments
    ]
    assert [squeezed(item["text"]) for item in document["segments"]] == [squeezed(item.text) for item in segments]
    assert squeezed(document["text"]) == squeezed("".join(squeezed(item.text) for item in segments))


# -- examples --------------------------------------------------------------------------------------------------------

TALK = [segment(0.0, 2.5, " Hello there, "), segment(3661.25, 3665.0, "a < b & c --> d\nnext\tone", 0.75)]


def test_srt():
    assert render("srt", TALK) == (
        "1\n00:00:00,000 --> 00:00:02,500\nHello there,\n\n"
        "2\n01:01:01,250 --> 01:01:05,000\na < b & c -> d next one\n\n"
    )


def test_vtt():
    assert render("vtt", TALK) == (
        "WEBVTT\n\n00:00.000 --> 00:02.500\nHello there,\n\n"
        "01:01:01.250 --> 01:01:05.000\na &lt; b &amp; c -&gt; d next one\n\n"
    )


def test_tsv_and_txt():
    assert render("tsv", TALK) == (
        "start\tend\ttext\n0\t2500\tHello there,\n3661250\t3665000\ta < b & c -> d next one\n"
    )
    assert render("txt", TALK) == "Hello there,\na < b & c -> d next one\n"


def test_audacity_labels():
    assert render("audacity", TALK) == (
        "0.000000\t2.500000\tHello there,\n3661.250000\t3665.000000\ta < b & c -> d next one\n"
    )


def test_a_file_s_name_tells_its_format():
    names = ("a.srt", "a.TSV", "a.txt", "a.labels.txt", "x/labels.txt", "a.wav", ".srt", "a.labels")
    assert [format_of(Path(name)) for name in names] == ["srt", "tsv", "txt", "audacity", "txt", None, None, None]


def test_json():
    assert json.loads(render("json", TALK)) == {
        "text": "Hello there, a < b & c --> d\nnext\tone",
        "segments": [
            {"start": 0.0, "end": 2.5, "text": " Hello there, ", "confidence": None, "doubtful": False},
            {
                "start": 3661.25,
                "end": 3665.0,
                "text": "a < b & c --> d\nnext\tone",
                "confidence": 0.75,
                "doubtful": False,
            },
        ],
    }


def test_nothing_was_said():
    assert {kind: render(kind, []) for kind in FORMATS if kind != "json"} == {
        "txt": "",
        "srt": "",
        "vtt": "WEBVTT\n\n",
        "tsv": "start\tend\ttext\n",
        "audacity": "",
    }
    assert render("srt", [segment(0, 1, " \n ")]) == ""


def test_a_hundred_hours():
    cue = Cue(start_ms=360_000_000, end_ms=360_000_001, lines=("late",))
    assert "100:00:00,000 --> 100:00:00,001" in write_srt([cue])
    assert "100:00:00.000 --> 100:00:00.001" in write_vtt([cue])


def test_english_breaks_at_blanks_and_times_follow_the_characters():
    cues = make_cues([segment(10, 20, "one two three four five")], Layout(max_line_width=8, max_line_count=1))
    assert [cue.lines for cue in cues] == [("one two",), ("three",), ("four",), ("five",)]
    assert [(cue.start_ms, cue.end_ms) for cue in cues] == [
        (10_000, 13_500),
        (13_500, 16_000),
        (16_000, 18_000),
        (18_000, 20_000),
    ]


def test_chinese_breaks_between_characters_but_not_before_punctuation():
    cues = make_cues([segment(0, 6, "今天天气很好，我们（一起）去")], Layout(max_line_width=5))
    assert cues[0].lines == ("今天天气很", "好，我们", "（一起）去")


def test_mixed_text_and_long_words():
    lines = make_cues([segment(0, 6, "用GPA说话 supercalifragilistic yes")], Layout(max_line_width=8))[0].lines
    assert lines == ("用GPA说话", "supercal", "ifragili", "stic yes")


def test_a_long_segment_fills_every_cue_with_lines():
    cues = make_cues([segment(0, 5, "aa bb cc dd ee")], Layout(max_line_width=2, max_line_count=2))
    assert [cue.lines for cue in cues] == [("aa", "bb"), ("cc", "dd"), ("ee",)]
    assert [cue.end_ms for cue in cues] == [2000, 4000, 5000]


def test_overlapping_segments_end_where_the_next_begins():
    cues = make_cues([segment(4, 8, "second"), segment(-1, 6, "first"), segment(7, 7, "third")])
    assert [(cue.start_ms, cue.end_ms) for cue in cues] == [(0, 4000), (4000, 7000), (7000, 7001)]


@pytest.mark.parametrize("values", [{"max_line_width": 0}, {"max_line_width": 9, "max_line_count": -1}])
def test_impossible_layouts(values):
    with pytest.raises(SettingsError, match="is not possible"):
        Layout(**values)
    with pytest.raises(SettingsError, match="without a maximal width"):
        Layout(max_line_count=2)
