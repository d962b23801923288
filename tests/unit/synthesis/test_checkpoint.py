from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gpa_mlx.errors import AudioFileError
from gpa_mlx.synthesis.checkpoint import SynthesisCheckpoint, checkpoint_key
from gpa_mlx.synthesis.long_form import SpokenPassage, SynthesisSettings, plan_passages
from gpa_mlx.types import GenerationOptions

PASSAGES = [
    SpokenPassage(
        text=f"Passage “{number}”.",
        spoken="passage",
        start_s=number,
        end_s=number + 0.5,
        finish_reason="stop",
        seed=number,
        attempts=1,
        error_rate=None,
        level=0.2,
    )
    for number in range(3)
]


def written(path, passages=PASSAGES, key="k"):
    checkpoint = SynthesisCheckpoint(path, key, None)
    checkpoint.start(17)
    for passage in passages:
        checkpoint.add(passage)
    return checkpoint


def test_what_is_done_comes_back(tmp_path):
    written(tmp_path / "a.wav")
    checkpoint = SynthesisCheckpoint(tmp_path / "a.wav", "k", None)
    assert checkpoint.done == tuple(PASSAGES)
    assert checkpoint.seed == 17


@pytest.mark.parametrize(("key", "seed"), [("other", None), ("k", 18)])
def test_another_synthesis_starts_anew(tmp_path, key, seed):
    written(tmp_path / "a.wav")
    assert SynthesisCheckpoint(tmp_path / "a.wav", key, seed).done == ()


def test_a_torn_line_is_dropped_and_does_not_spoil_the_next(tmp_path):
    path = written(tmp_path / "a.wav").path
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        checkpoint = SynthesisCheckpoint(tmp_path / "a.wav", "k", None)
        count = max(whole[:cut].count(b"\n") - 1, 0)
        assert checkpoint.done == tuple(PASSAGES[:count])
        if checkpoint.seed is not None:
            checkpoint.add(PASSAGES[count] if count < 3 else PASSAGES[0])
            assert len(SynthesisCheckpoint(tmp_path / "a.wav", "k", None).done) == count + 1


@pytest.mark.parametrize(
    "content", ["", "\n", "{}\n", "[]\n", '{"key": "k", "seed": "x"}\n', '{"key": "k"}\n{"a": 1}\n']
)
def test_nonsense_starts_anew(tmp_path, content):
    (tmp_path / ".a.wav.narration").write_text(content)
    checkpoint = SynthesisCheckpoint(tmp_path / "a.wav", "k", None)
    assert (checkpoint.done, checkpoint.seed) == ((), None)


def test_a_finished_synthesis_leaves_nothing(tmp_path):
    written(tmp_path / "a.wav").close()
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_it_says_so(tmp_path):
    with pytest.raises(AudioFileError, match="cannot be written"):
        written(tmp_path / "missing" / "a.wav")


def test_the_key_follows_from_all_that_matters(voice):
    base = {
        "plan": plan_passages("One thing. Another thing.", SynthesisSettings()),
        "voice": voice,
        "options": GenerationOptions(temperature=0.2, seed=1),
        "settings": SynthesisSettings(),
        "model": "m",
        "version": "1",
    }
    key = checkpoint_key(**base)
    assert checkpoint_key(**base | {"options": replace(base["options"], seed=2)}) == key
    for change in (
        {"plan": plan_passages("One thing. Other things.", SynthesisSettings())},
        {"voice": replace(voice, global_tokens=(1, 2, 4))},
        {"options": GenerationOptions(temperature=0.3)},
        {"settings": SynthesisSettings(verify=True)},
        {"plan": plan_passages("One thing. Another thing.", SynthesisSettings(max_chars=20))},
        {"model": "n"},
        {"version": "2"},
    ):
        assert checkpoint_key(**base | change) != key
    json.dumps(key)
