from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gpa_mlx.errors import AudioFileError
from gpa_mlx.synthesis.checkpoint import NarrationCheckpoint, checkpoint_key
from gpa_mlx.synthesis.narration import NarrationSettings, SpokenPassage
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
    journal = NarrationCheckpoint(path, key, None)
    journal.start(17)
    for passage in passages:
        journal.add(passage)
    return journal


def test_what_is_done_comes_back(tmp_path):
    written(tmp_path / "a.wav")
    journal = NarrationCheckpoint(tmp_path / "a.wav", "k", None)
    assert journal.done == tuple(PASSAGES)
    assert journal.seed == 17


@pytest.mark.parametrize(("key", "seed"), [("other", None), ("k", 18)])
def test_another_narration_starts_anew(tmp_path, key, seed):
    written(tmp_path / "a.wav")
    assert NarrationCheckpoint(tmp_path / "a.wav", key, seed).done == ()


def test_a_torn_line_is_dropped_and_does_not_spoil_the_next(tmp_path):
    path = written(tmp_path / "a.wav").path
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        journal = NarrationCheckpoint(tmp_path / "a.wav", "k", None)
        count = max(whole[:cut].count(b"\n") - 1, 0)
        assert journal.done == tuple(PASSAGES[:count])
        if journal.seed is not None:
            journal.add(PASSAGES[count] if count < 3 else PASSAGES[0])
            assert len(NarrationCheckpoint(tmp_path / "a.wav", "k", None).done) == count + 1


@pytest.mark.parametrize(
    "content", ["", "\n", "{}\n", "[]\n", '{"key": "k", "seed": "x"}\n', '{"key": "k"}\n{"a": 1}\n']
)
def test_nonsense_starts_anew(tmp_path, content):
    (tmp_path / ".a.wav.narration").write_text(content)
    journal = NarrationCheckpoint(tmp_path / "a.wav", "k", None)
    assert (journal.done, journal.seed) == ((), None)


def test_a_finished_narration_leaves_nothing(tmp_path):
    written(tmp_path / "a.wav").close()
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_it_says_so(tmp_path):
    with pytest.raises(AudioFileError, match="cannot be written"):
        written(tmp_path / "missing" / "a.wav")


def test_the_key_follows_from_all_that_matters(voice):
    base = {
        "text": "One thing. Another thing.",
        "voice": voice,
        "options": GenerationOptions(temperature=0.2, seed=1),
        "settings": NarrationSettings(),
        "model": "m",
        "version": "1",
    }
    key = checkpoint_key(**base)
    assert checkpoint_key(**base | {"options": replace(base["options"], seed=2)}) == key
    for change in (
        {"text": "One thing. Other things."},
        {"voice": replace(voice, global_tokens=(1, 2, 4))},
        {"options": GenerationOptions(temperature=0.3)},
        {"settings": NarrationSettings(verify=True)},
        {"settings": NarrationSettings(max_chars=20)},
        {"model": "n"},
        {"version": "2"},
    ):
        assert checkpoint_key(**base | change) != key
    json.dumps(key)
