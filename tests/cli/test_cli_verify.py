"""`gpa-mlx verify`, and the tags and records that the other commands leave for it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from gpa_mlx.cli.commands import cli
from gpa_mlx.cli.program import run
from gpa_mlx.model.demo import demo_samples

SECRET = "three two one go"
TEXT = (
    "The first sentence is here. The second one follows it closely, as ever.\n\nA third is in a paragraph of its own."
)
LAST = "A third is in a paragraph of its own."


@pytest.fixture
def clip(tmp_path):
    """A recording of 2 s that sounds like speech between pauses."""
    path = tmp_path / "clip.wav"
    time_s = np.arange(32_000) / 16_000
    loud = (np.sin(2 * np.pi * 2.5 * time_s) > -0.5) & (time_s > 0.2) & (time_s < 1.8)
    soundfile.write(path, loud * np.random.default_rng(1).normal(0, 0.1, 32_000), 16_000)
    return path


@pytest.fixture
def made(gpa_mlx, engine, clip, tmp_path):
    """Run `speak` or `vc` on the scripted engine, to `out.wav`."""

    def invoke(task, *options, out="out.wav"):
        given = ("speak", TEXT) if task == "speak" else ("vc", clip)
        return gpa_mlx(*given, "--voice", clip, "--model", "m", "-o", tmp_path / out, *options)

    return invoke


@pytest.mark.parametrize("task", ["speak", "vc"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_what_was_made_is_intact(made, gpa_mlx, tmp_path, task, subtype):
    assert made(task, "--subtype", subtype, "--seed", 5).code == 0
    result = gpa_mlx("verify", tmp_path / "out.wav", "--json")
    assert (result.code, result.err) == (0, "")
    document = json.loads(result.out)
    assert (document["state"], document["intact"]) == ("intact", True)
    metadata = document["record"]["making"]
    assert (metadata["task"], metadata["seed"]) == (task, 5)
    assert metadata["model"]["name"] == "nobody"
    assert metadata["voice"]["name"] == "clip"
    assert metadata["options"]["temperature"] == 0.2
    assert (metadata["text_digest"] is None, metadata["source_sha256"] is None) == (task == "vc", task == "speak")
    assert metadata["scores"] is None


def test_scores_and_seeds_are_those_of_the_parts(made, gpa_mlx, engine, tmp_path):
    engine.ending = ("unintelligible", "stop")
    passages = json.loads(made("speak", "--verify", "--json").out)["passages"]
    metadata = json.loads(gpa_mlx("verify", tmp_path / "out.wav", "--json").out)["record"]["making"]
    assert metadata["seeds"] == [passage["seed"] for passage in passages]
    assert metadata["scores"] == [passage["error_rate"] for passage in passages]
    assert "of the characters wrong in the worst of 3 parts" in gpa_mlx("verify", tmp_path / "out.wav").out


def test_the_text_is_in_no_file(made, tmp_path):
    made("speak")
    for name in ("out.wav", "out.wav.json"):
        assert b"sentence" not in (tmp_path / name).read_bytes()


@pytest.mark.parametrize("task", ["speak", "vc"])
def test_no_sidecar_leaves_the_tag_alone(made, gpa_mlx, tmp_path, tree, task):
    assert made(task).code == 0
    assert made(task, "--no-sidecar").code == 0
    assert tree() == ["clip.wav", "out.wav"]
    result = gpa_mlx("verify", tmp_path / "out.wav")
    assert result.code == 0
    assert "without a record" in result.out


@pytest.mark.parametrize("task", ["speak", "vc"])
def test_a_file_that_is_no_record_is_not_replaced(made, engine, tmp_path, task):
    (tmp_path / "out.wav.json").write_text('{"text": "mine"}')
    result = made(task)
    assert (result.code, result.out) == (2, "")
    assert "out.wav.json would be replaced" in result.err
    assert "--no-sidecar" in result.err
    assert not engine.calls
    assert made(task, "--no-sidecar").code == 0
    assert (tmp_path / "out.wav.json").read_text() == '{"text": "mine"}'


def test_subtitles_do_not_take_the_place_of_the_record(made, engine, tmp_path):
    result = made("speak", "--srt", tmp_path / "out.wav.json")
    assert result.code == 2
    assert not engine.calls


def test_standard_output_gets_sound_alone(engine, clip, tree, capsysbinary):
    assert run(cli, ["speak", TEXT, "--voice", str(clip), "--model", "m", "-o", "-"]) == 0
    assert b"synthetic" not in capsysbinary.readouterr().out
    assert tree() == ["clip.wav"]


def test_an_interrupted_file_has_neither_tag_nor_record(made, gpa_mlx, engine, tmp_path, tree):
    made("speak")
    engine.failures = {LAST: KeyboardInterrupt()}
    assert made("speak").code == 130
    assert tree() == [".out.wav.narration", "clip.wav", "out.wav"]
    result = gpa_mlx("verify", tmp_path / "out.wav")
    assert (result.code, "not by gpa-mlx" in result.out) == (1, True)


def test_what_was_gone_on_with_is_tagged_like_what_was_made_at_once(made, gpa_mlx, engine, tmp_path):
    engine.failures = {LAST: KeyboardInterrupt()}
    made("speak", "--seed", 5)
    engine.failures = {}
    assert "going on" in made("speak", "--seed", 5).err
    made("speak", "--seed", 5, out="whole.wav")
    assert (tmp_path / "out.wav").read_bytes() == (tmp_path / "whole.wav").read_bytes()
    assert gpa_mlx("verify", tmp_path / "out.wav", tmp_path / "whole.wav").code == 0


@pytest.mark.parametrize(
    "place", ["gpa_mlx.provenance.tagging.append_info", "gpa_mlx.provenance.tagging.write_atomically"]
)
def test_an_interrupt_while_it_is_tagged_loses_nothing(made, gpa_mlx, engine, monkeypatch, tmp_path, tree, place):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupted)
    assert made("speak").code == 130
    monkeypatch.undo()
    monkeypatch.setattr("gpa_mlx.engine.gpa.load", lambda path, **options: engine)
    engine.calls.clear()
    assert made("speak").code == 0
    assert engine.spoken == []
    assert tree() == ["clip.wav", "out.wav", "out.wav.json"]
    assert gpa_mlx("verify", tmp_path / "out.wav").code == 0


def test_one_altered_file_among_others(made, gpa_mlx, clip, tmp_path):
    made("speak")
    made("vc", out="b.wav")
    content = bytearray((tmp_path / "b.wav").read_bytes())
    content[3000] ^= 1
    (tmp_path / "b.wav").write_bytes(content)
    result = gpa_mlx("verify", tmp_path / "out.wav", tmp_path / "b.wav", clip, tmp_path / "none.wav")
    assert (result.code, result.err) == (1, "")
    states = [line.split(": ")[1] for line in result.out.splitlines() if not line.startswith(" ")]
    assert states == ["intact", "sound altered", "not by gpa-mlx", "unreadable"]


def test_files_are_needed_and_the_exit_code_is_explained(gpa_mlx):
    assert gpa_mlx("verify").code == 2
    shown = " ".join(gpa_mlx("verify", "--help").out.split())
    assert "The exit code is 0 when every FILE is intact, and 1 otherwise." in shown
    for command in ("speak", "vc"):
        assert "Standard output gets neither." in " ".join(gpa_mlx(command, "--help").out.split())


# -- with the demo model ----------------------------------------------------------------------------------------------


@pytest.fixture
def spoken(gpa_mlx, tmp_path):
    """A short text, spoken by the demo model."""
    path = tmp_path / "spoken.wav"
    result = gpa_mlx("speak", SECRET, "--voice", "slt", "--model", "demo", "--seed", 3, "--verify", "-o", path)
    assert result.code == 0, result.err
    return path


def test_every_command_from_end_to_end(gpa_mlx, spoken, tmp_path):
    sample = demo_samples()[0].file
    converted, decoded = tmp_path / "converted.wav", tmp_path / "decoded.wav"
    assert gpa_mlx("vc", sample, "--voice", "rms", "--model", "demo", "-o", converted).code == 0
    tokens = gpa_mlx("tokenize", spoken, "--model", "demo", "--json").out
    assert gpa_mlx("detokenize", "-", "--model", "demo", "-o", decoded, stdin=tokens.encode()).code == 0
    result = gpa_mlx("verify", spoken, converted, decoded)
    assert (result.code, result.err) == (0, "")
    for words in (
        "Synthetic speech",
        "Decoded from tokens",
        "gpa-mlx-demo",
        "voice    slt",
        "source   sha256",
        "seed     3",
    ):
        assert words in result.out
    assert SECRET not in result.out
    assert gpa_mlx("verify", sample).code == 1
    assert gpa_mlx("transcribe", spoken, "--model", "demo").out.strip() == SECRET


@pytest.mark.parametrize("options", [(), ("--no-sidecar",)])
def test_decoded_tokens(gpa_mlx, tmp_path, tree, options):
    (tmp_path / "tokens.json").write_text(json.dumps({"semantic": [1, 2, 3], "global": [0] * 32}))
    given = ("detokenize", tmp_path / "tokens.json", "--model", "demo", "-o", tmp_path / "out.wav", *options)
    assert gpa_mlx(*given).code == 0
    assert tree() == ["out.wav", *([] if options else ["out.wav.json"]), "tokens.json"]
    assert gpa_mlx("verify", tmp_path / "out.wav").code == 0


def test_tokens_are_not_replaced_by_the_record(gpa_mlx, tmp_path):
    content = json.dumps({"semantic": [1], "global": [0] * 32})
    (tmp_path / "out.wav.json").write_text(content)
    result = gpa_mlx("detokenize", tmp_path / "out.wav.json", "--model", "demo", "-o", tmp_path / "out.wav")
    assert (result.code, (tmp_path / "out.wav.json").read_text()) == (2, content)


def test_what_the_demo_makes_is_tagged(gpa_mlx, tmp_path):
    folder = tmp_path / "demo"
    assert gpa_mlx("demo", "--out", folder).code == 0
    files = sorted(folder.iterdir())
    states = [json.loads(line)["state"] for line in gpa_mlx("verify", *files, "--json").out.splitlines()]
    assert states == ["not by gpa-mlx" if file.name == demo_samples()[0].file.name else "intact" for file in files]
