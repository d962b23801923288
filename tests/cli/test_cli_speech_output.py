"""Where `gpa-mlx speak` and `gpa-mlx vc` put speech while it is made, and what an interrupt leaves."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gpa_mlx.audio.files.incremental_wav import WavStreamWriter
from gpa_mlx.cli.commands import cli
from gpa_mlx.cli.program import run
from gpa_mlx.errors import AudioDeviceError, AudioFileError
from gpa_mlx.testing import FakeOutput

FIRST = "The first sentence costs 5 dollars."
SECOND = "The second one follows it closely, as ever."
THIRD = "A paragraph of its own is what the third has."
TEXT = f"{FIRST} {SECOND}\n\n{THIRD}"
SPOKEN = ["The first sentence costs five dollars.", SECOND, THIRD]


@pytest.fixture
def clip(tmp_path):
    """A recording of 2 s that sounds like speech between pauses."""
    path = tmp_path / "clip.wav"
    time_s = np.arange(32_000) / 16_000
    loud = (np.sin(2 * np.pi * 2.5 * time_s) > -0.5) & (time_s > 0.2) & (time_s < 1.8)
    soundfile.write(path, loud * np.random.default_rng(1).normal(0, 0.1, 32_000), 16_000)
    return path


@pytest.fixture
def narrate(gpa_mlx, engine, clip, tmp_path):
    """Run `speak` on three passages, with `out.wav` beside what the test adds."""

    def invoke(*options, text=TEXT, out="out.wav"):
        return gpa_mlx("speak", text, "--voice", clip, "--model", "m", "-o", tmp_path / out, *options)

    return invoke


# -- long texts that are interrupted ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (AudioFileError("The disk is full."), 4), (MemoryError(), 1)]
)
@pytest.mark.parametrize("seed", [(), ("--seed", 3)])
def test_an_interrupted_narration_goes_on_where_it_stopped(narrate, engine, tmp_path, tree, error, code, seed):
    engine.failures = {THIRD: error}
    stopped = narrate(*seed)
    assert (stopped.code, stopped.out) == (code, "")
    assert "note: stopped after 2 of 3 passages; the same command goes on from there.\n" in stopped.err
    assert tree() == [".out.wav.narration", "clip.wav", "out.wav"]
    assert soundfile.info(tmp_path / "out.wav").duration > 1
    first_seed = engine.calls[1][1].seed

    engine.failures = {}
    engine.calls.clear()
    result = narrate(*seed, "--json")
    assert result.code == 0
    assert "note: going on after passage 2 of 3.\n" in result.err
    assert "s of it in" in result.err
    assert engine.spoken == [THIRD]
    document = json.loads(result.out)
    assert document["seed"] == first_seed
    assert [passage["spoken"] for passage in document["passages"]] == SPOKEN
    assert document["duration_s"] == pytest.approx(soundfile.info(tmp_path / "out.wav").duration)
    assert tree() == ["clip.wav", "out.wav", "out.wav.json"]

    assert narrate("--seed", first_seed, out="whole.wav").code == 0
    assert (tmp_path / "out.wav").read_bytes() == (tmp_path / "whole.wav").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda path, options: options.update(given=("--temperature", 0.9)),
        lambda path, options: options.update(given=("--subtype", "FLOAT")),
        lambda path, options: path.unlink(),
        lambda path, options: path.write_bytes(b"something else"),
        lambda path, options: os.truncate(path, 1000),
        lambda path, options: soundfile.write(path, np.zeros(10**6), 8_000),
    ],
)
def test_another_command_or_file_starts_anew(narrate, engine, tmp_path, change):
    engine.failures = {THIRD: KeyboardInterrupt()}
    narrate()
    engine.failures = {}
    engine.calls.clear()
    options = {"given": (), "text": TEXT}
    change(tmp_path / "out.wav", options)
    result = narrate(*options["given"], text=options["text"])
    assert result.code == 0
    assert "going on after" not in result.err
    assert "an interrupted run is not gone on with" in result.err
    assert len(engine.spoken) == len(json.loads(narrate("--json", out="b.wav", text=options["text"]).out)["passages"])


def test_another_model_starts_anew(narrate, engine):
    engine.failures = {THIRD: KeyboardInterrupt()}
    narrate()
    engine.failures = {}
    manifest = json.loads((engine.path / "gpa_mlx.json").read_text())
    (engine.path / "gpa_mlx.json").write_text(json.dumps({**manifest, "model_name": "another"}))
    assert "going on" not in narrate().err


def test_what_another_run_wrote_is_not_gone_on_with(narrate, gpa_mlx, engine, clip, tmp_path, tree):
    engine.failures = {THIRD: KeyboardInterrupt()}
    narrate()
    engine.failures = {}
    assert gpa_mlx("vc", clip, "--voice", clip, "--model", "m", "-o", tmp_path / "out.wav").code == 0
    assert tree() == ["clip.wav", "out.wav", "out.wav.json"]


def test_a_finished_file_is_written_anew(narrate, engine):
    narrate()
    engine.calls.clear()
    assert narrate().code == 0
    assert engine.spoken == SPOKEN


def test_an_interrupt_before_any_sound_leaves_nothing(narrate, engine, tree):
    before = tree()
    engine.failures = {SPOKEN[0]: KeyboardInterrupt()}
    result = narrate()
    assert result.code == 130
    assert "note: stopped in passage 1 of 3.\n" in result.err
    assert tree() == before


def test_an_interrupted_conversion_says_where(gpa_mlx, engine, clip, tmp_path):
    engine.failures = {"stream_convert_voice": KeyboardInterrupt()}
    result = gpa_mlx("vc", clip, "--voice", clip, "--model", "m", "-o", tmp_path / "out.wav")
    assert (result.code, result.out) == (130, "")
    assert "note: stopped at 0:00 of the source.\n" in result.err


# -- subtitles, the spoken form, the lexicon --------------------------------------------------------------------------


def test_subtitles_are_the_text_as_written(narrate, tmp_path):
    passages = json.loads(narrate("--srt", tmp_path / "out.srt", "--json").out)["passages"]
    blocks = (tmp_path / "out.srt").read_text().rstrip().split("\n\n")
    assert [block.splitlines()[2] for block in blocks] == [FIRST, SECOND, THIRD]
    for block, passage in zip(blocks, passages, strict=True):
        start, end = block.splitlines()[1].split(" --> ")
        for text, wanted_s in ((start, passage["start"]), (end, passage["end"])):
            hours, minutes, seconds = text.replace(",", ".").split(":")
            assert float(seconds) + 60 * float(minutes) + 3600 * float(hours) == pytest.approx(wanted_s, abs=0.001)


def test_an_interrupted_run_writes_the_subtitles_there_are(narrate, engine, tmp_path):
    engine.failures = {THIRD: KeyboardInterrupt()}
    assert narrate("--srt", tmp_path / "out.srt").code == 130
    assert (tmp_path / "out.srt").read_text().count("-->") == 2
    engine.failures = {}
    assert narrate("--srt", tmp_path / "out.srt").code == 0
    assert (tmp_path / "out.srt").read_text().count("-->") == 3


def test_a_passage_without_sound_has_no_subtitle(narrate, engine, tmp_path):
    engine.endings = {SECOND: "nothing"}
    narrate("--srt", tmp_path / "out.srt")
    assert (tmp_path / "out.srt").read_text().count("-->") == 2


@pytest.mark.parametrize(("srt", "code"), [("clip.wav", 2), ("out.wav", 2), ("missing/a.srt", 1), (".", 1)])
def test_subtitles_that_cannot_be_written_are_refused_before_any_work(narrate, engine, tmp_path, tree, srt, code):
    before = tree()
    result = narrate("--srt", tmp_path / srt)
    assert (result.code, result.out) == (code, "")
    assert not engine.calls
    assert tree() == before


def test_the_spoken_form_is_shown_without_voice_model_or_output(gpa_mlx, engine):
    result = gpa_mlx("speak", TEXT, "--show-spoken")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == SPOKEN
    assert gpa_mlx("speak", "-", "--show-spoken", stdin=b"Wrapped\nprose.").out == "Wrapped prose.\n"
    assert gpa_mlx("speak", TEXT, "--show-spoken", "--no-normalize").out.splitlines()[0] == FIRST
    assert gpa_mlx("speak", TEXT, "--show-spoken", "--no-constrain").out == " ".join(TEXT.split()) + "\n"
    assert not engine.warmed


def test_subtitles_are_what_their_name_says(narrate, tmp_path):
    assert narrate("--srt", tmp_path / "out.vtt").code == 0
    assert (tmp_path / "out.vtt").read_text().startswith("WEBVTT\n\n00:00.000 --> ")
    result = narrate("--srt", tmp_path / "out.sub")
    assert (result.code, (tmp_path / "out.sub").exists()) == (2, False)
    assert ".vtt" in result.err


def test_subtitles_on_standard_output(narrate, tmp_path):
    saved = os.dup(1)
    try:
        with (tmp_path / "stdout").open("wb") as file:
            os.dup2(file.fileno(), 1)
            assert narrate("--srt", "-").code == 0
    finally:
        os.dup2(saved, 1)
        os.close(saved)
    assert (tmp_path / "stdout").read_text().startswith("1\n00:00:00,000 --> ")
    assert not Path("-").exists()
    assert narrate("--srt", "-", "--json").code == 2


def test_passages_are_shown_as_long_as_the_model_takes_them(gpa_mlx, engine):
    engine.max_passage_chars = 20
    text = "One two three. Four five six. Seven eight."
    assert gpa_mlx("speak", text, "--show-spoken", "--model", "m").out.splitlines() == [
        "One two three.",
        "Four five six.",
        "Seven eight.",
    ]


def test_words_that_the_model_cannot_say_are_told_with_the_passages(gpa_mlx):
    result = gpa_mlx("speak", "three elephant off", "--show-spoken", "--model", "demo")
    assert result.out == "three off\n"
    assert "cannot say: elephant; they are left out" in result.err


def test_a_named_pipe_gets_the_stream(narrate, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        content = pool.submit(pipe.read_bytes)
        result = narrate(out="pipe")
        assert result.code == 0, result.err
        samples, rate = soundfile.read(io.BytesIO(content.result(60)))
    assert rate == 16_000
    assert len(samples) > 16_000
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(("pipe", ".pipe"))) == ["pipe"]


def test_a_text_in_a_file(gpa_mlx, tmp_path):
    book = tmp_path / "book.txt"
    book.write_text("\ufeffIt is said.\n")
    result = gpa_mlx("speak", book, "--show-spoken")
    assert (result.code, result.out) == (2, "")
    assert f"speak -f {book}" in result.err
    assert gpa_mlx("speak", "-f", book, "--show-spoken").out == "It is said.\n"
    assert gpa_mlx("speak", "--show-spoken").code == 2
    assert gpa_mlx("speak", "word", "-f", book, "--show-spoken").code == 2


@pytest.mark.parametrize(
    "options",
    [
        ("--lexicon", "words.txt", "--no-normalize"),
        ("--lexicon", "words.txt", "--no-constrain"),
        ("--retries", 3, "--no-constrain"),
        ("--show-spoken", "--json"),
    ],
)
def test_options_that_would_do_nothing_are_refused(narrate, engine, options):
    result = narrate(*options)
    assert result.code == 2
    assert str(options[0]) in result.err
    assert engine.calls == []


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("samples", [800, 801])
def test_a_stream_into_a_file_gets_a_right_header(tmp_path, subtype, samples):
    sound = (np.arange(samples, dtype=np.float32) / 1000 - 0.4).astype(np.float32)
    with (tmp_path / "out.wav").open("wb") as file:
        file.write(b"junk")
        file.flush()
        stream = WavStreamWriter(file, 16_000, subtype)
        stream.append(sound[:300])
        stream.append(sound[300:])
        stream.finish()
    content = (tmp_path / "out.wav").read_bytes()[4:]
    assert int.from_bytes(content[4:8], "little") == len(content) - 8
    (tmp_path / "cut.wav").write_bytes(content)
    assert soundfile.info(tmp_path / "cut.wav").frames == samples
    read, _ = soundfile.read(tmp_path / "cut.wav", dtype="float32")
    assert np.abs(read - sound).max() < 1e-4


def test_a_stream_that_is_appended_stays_as_it_is(tmp_path):
    with (tmp_path / "out.wav").open("ab") as file:
        stream = WavStreamWriter(file, 16_000)
        stream.append(np.zeros(100, np.float32))
        before = (tmp_path / "out.wav").read_bytes()
        stream.finish()
    assert (tmp_path / "out.wav").read_bytes() == before


def test_the_lexicon_decides(narrate, gpa_mlx, engine, tmp_path):
    (tmp_path / "words.txt").write_text("dollars = bucks\n")
    lexicon = ("--lexicon", tmp_path / "words.txt")
    assert "bucks" in gpa_mlx("speak", FIRST, "--show-spoken", *lexicon).out
    assert narrate(*lexicon).code == 0
    assert "bucks" in engine.spoken[0]


@pytest.mark.parametrize("content", [None, b"no entry", b"a = b\na = c", b"\xff\xfe\xfa"])
def test_an_unusable_lexicon(narrate, gpa_mlx, engine, tmp_path, content):
    if content is not None:
        (tmp_path / "words.txt").write_bytes(content)
    for result in (
        narrate("--lexicon", tmp_path / "words.txt"),
        gpa_mlx("speak", TEXT, "--show-spoken", "--lexicon", tmp_path / "words.txt"),
    ):
        assert (result.code, result.out) == (2, "")
        assert "words.txt" in result.err
    assert not engine.calls


def test_one_go_is_one_passage_as_written(narrate, engine):
    assert narrate("--no-constrain").code == 0
    assert engine.spoken == [TEXT]


# -- standard output --------------------------------------------------------------------------------------------------


@pytest.fixture
def tasks(clip):
    return {"speak": ("speak", TEXT), "vc": ("vc", clip)}


@pytest.mark.parametrize("name", ["speak", "vc"])
def test_standard_output_gets_the_same_sound_as_a_file(engine, clip, tasks, tmp_path, capsysbinary, name):
    common = [*map(str, tasks[name]), "--voice", str(clip), "--model", "m", "--seed", "2"]
    assert run(cli, [*common, "-o", str(tmp_path / "out.wav")]) == 0
    capsysbinary.readouterr()
    assert run(cli, [*common, "-o", "-"]) == 0
    out, err = capsysbinary.readouterr()
    piped, rate = soundfile.read(io.BytesIO(out))
    np.testing.assert_array_equal(piped, soundfile.read(tmp_path / "out.wav")[0])
    assert rate == 16_000
    assert err.startswith(b"standard output: ")


@pytest.mark.parametrize("name", ["speak", "vc"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "-", "--json"), "both the speech and --json"),
        ((), "give -o, --play or both"),
        (("-o", "out.wma"), ".wav, .flac"),
    ],
)
def test_outputs_that_make_no_sense(gpa_mlx, engine, clip, tasks, name, options, words):
    result = gpa_mlx(*tasks[name], "--voice", clip, "--model", "m", *options)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert not engine.calls


def test_a_terminal_is_no_place_for_samples(gpa_mlx, engine, clip, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    result = gpa_mlx("speak", TEXT, "--voice", clip, "--model", "m", "-o", "-")
    assert result.code == 2
    assert "terminal" in result.err


PIPED = """
import gpa_mlx.engine.gpa
from gpa_mlx.cli import main
from gpa_mlx.testing import FakeEngine
gpa_mlx.engine.gpa.load = lambda path, **options: FakeEngine()
main()
"""


def test_a_reader_that_leaves_ends_the_run_quietly(clip):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        result = subprocess.run(
            [sys.executable, "-c", PIPED, "speak", TEXT, "--voice", clip, "--model", "m", "-o", "-"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert result.returncode == 1
    assert b"error" not in result.stderr


# -- playing ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def loudspeaker(monkeypatch):
    device = FakeOutput(speed=100.0)
    monkeypatch.setattr("gpa_mlx.audio.devices.loudspeaker.Loudspeaker", lambda name: device)
    return device


@pytest.mark.parametrize("name", ["speak", "vc"])
@pytest.mark.parametrize("written", [False, True])
def test_speech_is_played_and_written_at_once(gpa_mlx, engine, clip, tasks, tmp_path, loudspeaker, name, written):
    output = ("-o", tmp_path / "out.wav", "--subtype", "FLOAT") if written else ()
    result = gpa_mlx(*tasks[name], "--voice", clip, "--model", "m", "--seed", 4, "--play", "--json", *output)
    assert result.code == 0, result.err
    document = json.loads(result.out)
    assert document["file"] == (str(tmp_path / "out.wav") if written else None)
    assert document["playback"]["first_sound_s"] >= 0
    assert document["playback"]["underruns"] >= 0
    assert loudspeaker.opened == loudspeaker.closed == 1
    heard = loudspeaker.sound()
    assert np.any(heard)
    if written:
        samples, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
        np.testing.assert_array_equal(heard[heard != 0], samples[samples != 0])
    else:
        assert result.err.startswith("played: ")


def test_played_speech_is_not_repaired_unless_verified(narrate, engine, loudspeaker):
    engine.endings = {SECOND: "loop"}
    narrate("--play")
    assert engine.spoken == SPOKEN
    engine.calls.clear()
    narrate("--play", "--verify", "--retries", 1)
    assert engine.spoken.count(SECOND) == 2


def test_an_interrupt_stops_the_sound_and_keeps_what_is_written(narrate, engine, loudspeaker, tmp_path, tree):
    engine.failures = {THIRD: KeyboardInterrupt()}
    result = narrate("--play")
    assert result.code == 130
    assert "note: stopped in passage 3 of 3.\n" in result.err
    assert loudspeaker.opened == loudspeaker.closed == 1
    assert soundfile.info(tmp_path / "out.wav").duration > 1
    assert tree() == ["clip.wav", "out.wav"]


def test_an_interrupt_while_the_rest_is_played_keeps_everything(narrate, loudspeaker, monkeypatch, tmp_path):
    def interrupted(player):
        player.stop()
        raise KeyboardInterrupt

    monkeypatch.setattr("gpa_mlx.audio.devices.playback.Player.finish", interrupted)
    started = time.perf_counter()
    result = narrate("--play", "--srt", tmp_path / "out.srt")
    assert time.perf_counter() - started < 2
    assert (result.code, result.err.split()) == (130, ["interrupted"])
    assert (tmp_path / "out.srt").read_text().count("-->") == 3
    assert loudspeaker.opened == loudspeaker.closed == 1


def test_no_sound_output_is_an_error_of_its_own(narrate, engine, monkeypatch, tree):
    class Missing:
        def __init__(self, name):
            pass

        def open(self, *arguments):
            raise AudioDeviceError("This computer has no sound output.", hint="Connect one.")

    monkeypatch.setattr("gpa_mlx.audio.devices.loudspeaker.Loudspeaker", Missing)
    before = tree()
    result = narrate("--play")
    assert (result.code, result.out) == (4, "")
    assert not engine.calls[1:]
    assert tree() == before
