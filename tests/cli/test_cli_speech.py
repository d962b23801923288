"""`gpa-mlx speak` and `gpa-mlx vc`."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from gpa_mlx.engine.gpa import REFERENCE_OPTIONS

SPEAK = ("speak", "hello there")


@pytest.fixture
def clip(tmp_path):
    """A recording of 2 s that sounds like speech between pauses."""
    path = tmp_path / "clip.wav"
    time_s = np.arange(32_000) / 16_000
    loud = (np.sin(2 * np.pi * 2.5 * time_s) > -0.5) & (time_s > 0.2) & (time_s < 1.8)
    soundfile.write(path, loud * np.random.default_rng(1).normal(0, 0.1, 32_000), 16_000)
    return path


@pytest.fixture
def speech(gpa_mlx, clip, tmp_path):
    """Run `speak` or `vc` with a voice, a model and `out.wav` beside what the test adds."""

    def invoke(*arguments, stdin: bytes = b""):
        common = ("--voice", clip, "--model", "m", "-o", tmp_path / "out.wav")
        return gpa_mlx(*arguments, *common, stdin=stdin)

    return invoke


@pytest.fixture(params=["speak", "vc"])
def task(request, clip):
    """Both commands, each with its input."""
    return SPEAK if request.param == "speak" else ("vc", clip)


def test_the_file_is_written_and_named(speech, engine, task, tmp_path):
    result = speech(*task)
    assert (result.code, result.out) == (0, "")
    samples, rate = soundfile.read(tmp_path / "out.wav")
    line = rf"{re.escape(str(tmp_path))}/out\.wav: (\d\.\d\d) s of speech in \d+\.\d\d s \(RTF \d+\.\d\d\)\n"
    match = re.fullmatch(line, result.err)
    assert match
    assert rate == 16_000
    assert float(match[1]) == pytest.approx(len(samples) / rate, abs=0.01)
    assert np.abs(samples).max() > 0.1
    assert engine.warmed == [task[0]]


def test_json_document(speech, engine, task, tmp_path):
    document = json.loads(speech(*task, "--seed", 7, "--json").out)
    duration_s = soundfile.info(tmp_path / "out.wav").duration
    parts = document.pop("passages" if task == SPEAK else "segments")
    assert document.pop("duration_s") == pytest.approx(duration_s)
    elapsed_s = document.pop("elapsed_s")
    assert 0 < document.pop("first_audio_s") <= elapsed_s
    assert document.pop("real_time_factor") == pytest.approx(elapsed_s / duration_s)
    assert document.pop("unknown_words", []) == []
    assert document == {
        "file": str(tmp_path / "out.wav"),
        "sample_rate": 16_000,
        "finish_reason": "stop",
        "seed": 7,
    }
    (part,) = parts
    assert part["end"] > part["start"]
    for name in ("start", "end") if task == SPEAK else ("start", "end", "source_start", "source_end"):
        assert 0 <= part.pop(name) <= duration_s
    expected = {"finish_reason": "stop", "seed": 7, "attempts": 1, "error_rate": None}
    assert part == ({"text": "hello there", "spoken": "hello there"} if task == SPEAK else {}) | expected


def test_a_drawn_seed_is_reported(speech, engine, task):
    document = json.loads(speech(*task, "--json").out)
    assert document["seed"] == engine.calls[-1][1].seed is not None


def test_subtype(speech, engine, task, tmp_path):
    speech(*task, "--subtype", "float")
    assert soundfile.info(tmp_path / "out.wav").subtype == "FLOAT"


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("length", "it is cut: the model had not ended within its budget; raise --max-tokens."),
        ("loop", "the model repeated itself, and the speech is cut there."),
        ("silence", "the model fell silent, and the speech is cut there."),
        ("nothing", "the model ended without a sound; try another seed."),
    ],
)
def test_a_passage_that_went_wrong_is_named(speech, engine, end, words):
    first, second = "This is the first sentence of all.", "The second sentence has a few more words than it needs."
    engine.endings = {second: end}
    result = speech("speak", f"{first} {second}", "--retries", 1, "--json")
    assert result.code == 0
    assert f'note: passage 2 ("The second sentence has a few more...)"): {words}\n'.replace(')"', '"') in result.err
    document = json.loads(result.out)
    assert document["finish_reason"] == document["passages"][1]["finish_reason"] != "stop"
    assert [passage["attempts"] for passage in document["passages"]] == [1, 2]


def test_a_stretch_that_went_wrong_is_named(speech, engine, clip):
    engine.ending = "length"
    result = speech("vc", clip)
    assert result.code == 0
    assert "note: from 0:00 on: it is cut: the model had not ended within its budget; raise --max-tokens." in result.err


def test_speech_without_any_sound_is_an_error(speech, engine, task, tree):
    before = tree()
    engine.ending = "nothing"
    for options in ((), ("--no-constrain",)):
        result = speech(*task, *options)
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith("error: ")
        assert tree() == before


def test_verified_speech_is_made_again_until_it_is_understood(speech, engine, task):
    engine.ending = ("unintelligible", "stop")
    result = speech(*task, "--verify", "--json")
    (part,) = json.loads(result.out)["passages" if task == SPEAK else "segments"]
    assert (part["attempts"], part["error_rate"]) == (2, 0)
    assert engine.warmed[-1] == "transcribe"
    assert re.search(r"^(passage 1|from 0:00).*: \d+\.\d% of the characters heard wrongly, \d tries$", result.err, re.M)


def test_speech_that_nobody_understands_is_a_failure(speech, engine, task):
    engine.ending = "unintelligible"
    result = speech(*task, "--verify", "--retries", 0)
    assert result.code == 1
    assert "nothing of it was understood" in result.err
    engine.ending = "stop"
    result = speech(*task, "--verify")
    assert (result.code, "verified: all of it was understood" in result.err) == (0, True)


def test_a_conversion_of_standard_input(speech, engine, clip, tmp_path):
    result = speech("vc", "-", stdin=clip.read_bytes())
    assert result.code == 0, result.err
    assert soundfile.info(tmp_path / "out.wav").duration == pytest.approx(2, abs=0.3)


def test_a_conversion_of_another_length_is_announced(speech, engine, clip):
    assert "the source" not in speech("vc", clip).err
    engine.ending = "loop"
    assert re.search(r"note: the result lasts \d\.\d\d s, the source 2\.00 s\.", speech("vc", clip).err)


def test_every_option_reaches_the_engine(speech, engine, task):
    given = ("--temperature", 0.5, "--top-k", 3, "--top-p", 0.5, "--repetition-penalty", 1.5, "--seed", 9)
    assert speech(*task, *given, "--max-tokens", 20, "--no-constrain").code == 0
    options = engine.calls[-1][1]
    assert (options.temperature, options.top_k, options.top_p, options.repetition_penalty) == (0.5, 3, 0.5, 1.5)
    assert (options.seed, options.max_tokens, options.constrain) == (9, 20, False)


def test_conversion_has_no_text_to_normalize(speech, engine, clip):
    result = speech("vc", clip, "--no-normalize")
    assert (result.code, result.out) == (2, "")
    assert "--no-normalize" in result.err
    assert not engine.calls


def test_without_options_the_task_s_defaults_hold(speech, engine, task):
    speech(*task)
    options = engine.calls[-1][1]
    assert replace(options, seed=None, max_tokens=None) == engine.default_options("speak")


@pytest.mark.parametrize("command", ["speak", "vc"])
def test_help_states_the_engine_s_defaults(gpa_mlx, command):
    shown = " ".join(gpa_mlx(command, "--help").out.split())
    defaults = REFERENCE_OPTIONS[command]
    for name in ("temperature", "top_k", "top_p", "repetition_penalty"):
        description = shown.split(f"--{name.replace('_', '-')} ")[1]
        assert description.split("[default: ")[1].startswith(f"{getattr(defaults, name)}]")


@pytest.mark.parametrize(
    "option",
    [
        ("--temperature", "-1"),
        ("--temperature", "nan"),
        ("--temperature", "inf"),
        ("--top-k", "-1"),
        ("--top-p", "0"),
        ("--top-p", "1.1"),
        ("--top-p", "nan"),
        ("--repetition-penalty", "0"),
        ("--seed", "-1"),
        ("--seed", "4294967296"),
        ("--max-tokens", "0"),
        ("--subtype", "MP3"),
    ],
)
def test_values_out_of_range(speech, engine, task, option):
    result = speech(*task, *option)
    assert (result.code, result.out) == (2, "")
    assert option[0] in result.err
    assert not engine.calls


def test_text_from_standard_input(speech, engine):
    assert speech("speak", "-", stdin="\ufeff你好,\nworld\n".encode()).code == 0
    assert engine.spoken == ["你好,\nworld"]


@pytest.mark.parametrize("text", ["", "  \n", "...", "?! — …", "。！", "\U0001f600"])
@pytest.mark.parametrize("piped", [False, True])
def test_text_that_says_nothing(speech, engine, tree, text, piped):
    before = tree()
    result = speech("speak", "-", stdin=text.encode()) if piped else speech("speak", text)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: ")
    assert not engine.calls
    assert tree() == before


@pytest.mark.parametrize("given", [("-", b"\xff\xfe\xfa"), ("\udcff", b"")])
def test_text_that_is_not_utf_8(speech, engine, given):
    text, stdin = given
    result = speech("speak", text, stdin=stdin)
    assert result.code == 1
    assert "UTF-8" in result.err
    assert not engine.calls


@pytest.mark.parametrize("voice", ["anna", "missing.wav", "."])
def test_unknown_voice(gpa_mlx, engine, converted_small_a, tmp_path, voice):
    result = gpa_mlx(*SPEAK, "--voice", voice, "--model", converted_small_a, "-o", tmp_path / "out.wav")
    assert (result.code, result.out) == (1, "")
    assert f"'{voice}'" in result.err
    assert "path of a recording" in result.err
    assert not engine.calls


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("nowhere/out.wav", 4),
        ("clip.wav/out.wav", 4),
        ("folder.wav", 4),
        ("out.wma", 2),
        ("out", 2),
        ("clip.wav", 2),
        ("link.wav", 2),
    ],
)
def test_unusable_output_is_refused_before_any_work(gpa_mlx, engine, clip, task, tmp_path, tree, output, code):
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "link.wav").symlink_to(clip)
    before, content = tree(), clip.read_bytes()
    result = gpa_mlx(*task, "--voice", clip, "--model", "m", "-o", tmp_path / output)
    assert (result.code, result.out) == (code, "")
    assert output.rpartition("/")[2] in result.err
    assert not engine.calls
    assert tree() == before
    assert clip.read_bytes() == content


def test_a_read_only_file_system(gpa_mlx, engine, clip):
    result = gpa_mlx(*SPEAK, "--voice", clip, "--model", "m", "-o", "/proc/out.wav")
    assert result.code == 4
    assert not engine.calls


def test_a_failing_engine_leaves_an_older_file_alone(speech, engine, task, tmp_path, tree):
    (tmp_path / "out.wav").write_bytes(b"older")
    before = tree()
    engine.failures = {"stream_speak": MemoryError(), "stream_convert_voice": KeyboardInterrupt()}
    assert speech(*task).code in (1, 130)
    assert tree() == before
    assert (tmp_path / "out.wav").read_bytes() == b"older"


@pytest.mark.parametrize("source", ["missing.wav", "."])
def test_missing_source(gpa_mlx, engine, clip, tmp_path, source):
    result = gpa_mlx("vc", source, "--voice", clip, "--model", "m", "-o", tmp_path / "out.wav")
    assert (result.code, result.out) == (4, "")
    assert not engine.calls


def test_golden_speech(gpa_mlx, converted_small_a, golden, golden_audio, golden_meta, tmp_path):
    result = gpa_mlx(
        *("speak", golden_meta["texts"]["en"], "--voice", golden_audio("rms"), "--model", converted_small_a),
        *("-o", tmp_path / "out.wav", "--subtype", "FLOAT", "--no-constrain", "--temperature", 0, "--max-tokens", 72),
        "--json",
    )
    assert result.code == 0
    assert json.loads(result.out)["seed"] is None
    samples, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    np.testing.assert_allclose(samples, golden("e2e")["tts|en_rms_rp1.2|wav"], atol=1e-3)


def test_golden_conversion(gpa_mlx, converted_small_a, golden, golden_audio, tmp_path):
    result = gpa_mlx(
        *("vc", golden_audio("slt"), "--voice", golden_audio("rms"), "--model", converted_small_a),
        *("-o", tmp_path / "out.wav", "--subtype", "FLOAT", "--no-constrain", "--temperature", 0, "--max-tokens", 72),
    )
    assert result.code == 0
    samples, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    np.testing.assert_allclose(samples, golden("e2e")["vc|slt_rms_rp1.2|wav"], atol=1e-3)


def test_a_seed_repeats_the_speech(gpa_mlx, converted_small_a, golden_audio, tmp_path):
    def spoken(name: str, *options):
        result = gpa_mlx(
            *("speak", "hello", "--voice", golden_audio("slt"), "--model", converted_small_a, "--json"),
            *("-o", tmp_path / name, "--temperature", 1, "--max-tokens", 40, *options),
        )
        return json.loads(result.out)["seed"], (tmp_path / name).read_bytes()

    seed, first = spoken("a.wav")
    again, second = spoken("b.wav", "--seed", seed)
    assert (seed, first) == (again, second)
    assert spoken("c.wav", "--seed", seed + 1)[1] != first
