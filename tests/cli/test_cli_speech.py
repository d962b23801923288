"""`gpa-mlx speak` and `gpa-mlx vc`."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from gpa_mlx.engine import REFERENCE_OPTIONS

SPEAK = ("speak", "hello there")


@pytest.fixture
def clip(tmp_path):
    """A recording; the scripted engine never opens it."""
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.zeros(16_000), 16_000)
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
    assert result.err == f"{tmp_path / 'out.wav'}: 0.04 s of speech in 0.02 s (RTF 0.50)\n"
    samples, rate = soundfile.read(tmp_path / "out.wav")
    assert (rate, len(samples)) == (16_000, 640)


def test_json_document(speech, engine, task, tmp_path):
    document = json.loads(speech(*task, "--json").out)
    assert document.pop("timings")["real_time_factor"] == pytest.approx(0.5)
    assert document == {
        "file": str(tmp_path / "out.wav"),
        "duration_s": 0.04,
        "sample_rate": 16_000,
        "finish_reason": "stop",
        "seed": 7,
        "codes": 2,
    }


def test_subtype(speech, engine, task, tmp_path):
    speech(*task, "--subtype", "float")
    assert soundfile.info(tmp_path / "out.wav").subtype == "FLOAT"
    samples, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    np.testing.assert_array_equal(samples, np.linspace(-0.5, 0.5, 640, dtype=np.float32))


def test_cut_speech_is_announced(speech, engine, task):
    engine.finish_reason = "length"
    result = speech(*task)
    assert result.code == 0
    assert "note: the speech is cut" in result.err
    assert "--max-tokens" in result.err


def test_every_option_reaches_the_engine(speech, engine, task):
    given = ("--temperature", 0, "--top-k", 3, "--top-p", 0.5, "--repetition-penalty", 1.5, "--seed", 9)
    assert speech(*task, *given, "--max-tokens", 20, "--no-constrain", "--no-normalize").code == 0
    options = engine.calls[-1][1]
    assert (options.temperature, options.top_k, options.top_p, options.repetition_penalty) == (0, 3, 0.5, 1.5)
    assert (options.seed, options.max_tokens, options.constrain) == (9, 20, False)


def test_without_options_the_task_s_defaults_hold(speech, engine, task):
    speech(*task)
    assert engine.calls[-1][1] == engine.default_options("speak")


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
    heard = []
    engine.speak = lambda text, **rest: heard.append(text) or type(engine).speak(engine, text, **rest)
    assert speech("speak", "-", stdin="\ufeff你好,\nworld\n".encode()).code == 0
    assert heard == ["你好,\nworld"]


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
        ("out.mp3", 2),
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
    engine.failures = {"speak": MemoryError(), "convert_voice": KeyboardInterrupt()}
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
