from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from gpa_mlx.audio.files.incremental_wav import IncrementalWavWriter
from gpa_mlx.errors import AudioFileError
from gpa_mlx.synthesis.checkpoint import Continuation, StoredPassage, SynthesisCheckpoint, run_facts
from gpa_mlx.synthesis.long_form import SpokenPassage
from gpa_mlx.synthesis.plan import SpeechPlan, SynthesisSettings
from gpa_mlx.types import GenerationOptions

FACTS = {"the voice": "a", "the model": "b"}
SENTENCES = ["The first sentence is here.", "The second one is there.", "The third one says “more”.", "And a last one."]
SAMPLES = 8_000


def plan_of(*sentences):
    return SpeechPlan("\n\n".join(sentences), SynthesisSettings(max_chars=30))


def paused(number):
    """All passages are paragraphs: 0.6 s of pause."""
    return SAMPLES + 9_600


def entry(number, digest, text):
    start = number * paused(number)
    return StoredPassage(
        passage=SpokenPassage(
            text=text,
            spoken=text,
            start_s=start / 16_000,
            end_s=(start + SAMPLES) / 16_000,
            finish_reason="stop",
            seed=number,
            attempts=1,
            error_rate=None,
            level=0.2,
        ),
        samples=paused(number),
        sha256=digest,
        reference_level=0.2,
    )


def checkpoint_of(folder, seed=None, facts=FACTS, subtype="PCM_16"):
    return SynthesisCheckpoint(folder / "a.wav", folder / "a.wav", subtype, facts, seed)


def interrupted(folder, count=3):
    """What a run leaves that was interrupted after so many passages."""
    checkpoint = checkpoint_of(folder)
    checkpoint.resume(plan_of(*SENTENCES))
    checkpoint.start(17)
    rng = np.random.default_rng(0)
    with IncrementalWavWriter(folder / "a.wav", 16_000) as wav:
        for number in range(count):
            wav.append(rng.uniform(-0.5, 0.5, paused(number)).astype(np.float32))
            checkpoint.add(entry(number, wav.take_digest(), SENTENCES[number]))
    return checkpoint


def texts(continuation):
    return [passage.text for passage in continuation.done]


def test_what_is_done_comes_back(tmp_path):
    interrupted(tmp_path)
    checkpoint = checkpoint_of(tmp_path)
    found = checkpoint.resume(plan_of(*SENTENCES))
    assert texts(found) == SENTENCES[:3]
    assert (found.samples, found.kept, found.problem, found.is_ours) == (3 * paused(0), 0, None, True)
    assert checkpoint.seed == 17


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"seed": 18}, "the seed has changed"),
        ({"facts": {**FACTS, "the voice": "c"}}, "the voice has changed"),
        ({"facts": {"the voice": "c", "the model": "d"}}, "the voice and the model have changed"),
        ({"subtype": "PCM_24"}, "the sample format has changed"),
    ],
)
def test_another_voice_or_seed_starts_anew_and_says_so(tmp_path, changes, problem):
    interrupted(tmp_path)
    assert checkpoint_of(tmp_path, **changes).resume(plan_of(*SENTENCES)).problem == problem
    assert texts(checkpoint_of(tmp_path, seed=17).resume(plan_of(*SENTENCES))) == SENTENCES[:3]


def test_a_changed_sentence_leaves_the_others(tmp_path):
    interrupted(tmp_path)
    samples = (tmp_path / "a.wav").read_bytes()[44:]
    changed = [SENTENCES[0], "Something else is said.", *SENTENCES[2:]]
    checkpoint = checkpoint_of(tmp_path)
    found = checkpoint.resume(plan_of(*changed))
    assert texts(found) == SENTENCES[:1]
    assert (found.samples, found.kept, found.problem) == (paused(0), 2, "the text has changed")
    with IncrementalWavWriter.resume(tmp_path / "a.wav", found.samples) as wav:
        assert checkpoint.recall("Something else is said.") is None
        recalled = checkpoint.recall(SENTENCES[2])
        wav.append(np.zeros(paused(0), dtype=np.float32))
        wav.append(recalled.audio)
    assert recalled.passage.text == SENTENCES[2]
    start = 2 * 2 * paused(0)
    assert (tmp_path / "a.wav").read_bytes()[44 + start :] == samples[start : start + 2 * SAMPLES]
    assert checkpoint.recall(SENTENCES[2]) is None


def test_what_was_kept_survives_further_interruptions_and_changes(tmp_path):
    interrupted(tmp_path)
    for first in ("Something else is said.", "Or something quite different.", SENTENCES[0]):
        found = checkpoint_of(tmp_path).resume(plan_of(first, *SENTENCES[1:]))
        assert found.done == ()
        if found.is_ours:
            IncrementalWavWriter.resume(tmp_path / "a.wav", 0).close()
        assert found.kept == 3
    checkpoint = checkpoint_of(tmp_path)
    checkpoint.resume(plan_of(*SENTENCES))
    assert [checkpoint.recall(text).passage.text for text in SENTENCES[:3]] == SENTENCES[:3]
    checkpoint.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav"]


@pytest.mark.parametrize("how", ["replaced", "removed", "altered", "longer", "other rate", "no sound"])
def test_only_what_it_wrote_itself_is_gone_on_with(tmp_path, how):
    interrupted(tmp_path)
    path = tmp_path / "a.wav"
    mine = bytearray(path.read_bytes())
    if how == "removed":
        path.unlink()
    elif how == "altered":
        mine[44 + 2 * paused(0) + 100] ^= 1
        path.write_bytes(mine)
    elif how == "no sound":
        path.write_text("my shopping list")
    else:
        path.unlink()
        rate = 8_000 if how == "other rate" else 16_000
        with IncrementalWavWriter(path, rate) as wav:
            wav.append(np.zeros((9 if how == "longer" else 3) * paused(0), dtype=np.float32))
    found = checkpoint_of(tmp_path).resume(plan_of(*SENTENCES))
    if how == "altered":
        assert texts(found) == SENTENCES[:1]
        assert (found.kept, found.problem, found.is_ours) == (1, "a.wav was altered meanwhile", True)
    else:
        problem = "a.wav is not there any more" if how == "removed" else "a.wav was replaced meanwhile"
        assert found == Continuation(problem=problem, is_ours=False)


def test_kept_samples_that_were_altered_are_not_used(tmp_path):
    interrupted(tmp_path)
    checkpoint = checkpoint_of(tmp_path)
    checkpoint.resume(plan_of("Something else is said.", *SENTENCES[1:]))
    kept = tmp_path / ".a.wav.narration-kept"
    content = bytearray(kept.read_bytes())
    content[10] ^= 1
    kept.write_bytes(content)
    assert checkpoint.recall(SENTENCES[0]) is None
    assert checkpoint.recall(SENTENCES[1]) is not None
    kept.unlink()
    assert checkpoint.recall(SENTENCES[2]) is None


@pytest.mark.slow
def test_a_torn_line_is_dropped_and_does_not_spoil_the_next(tmp_path):
    path = interrupted(tmp_path).path
    whole = path.read_bytes()
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        checkpoint = checkpoint_of(tmp_path)
        count = max(whole[:cut].count(b"\n") - 1, 0)
        assert texts(checkpoint.resume(plan_of(*SENTENCES))) == SENTENCES[:count]
        if checkpoint.seed is not None:
            if count == 3:
                continue
            checkpoint.add(entry(count, json.loads(whole.splitlines()[count + 1])["sha256"], SENTENCES[count]))
            assert len(checkpoint_of(tmp_path).resume(plan_of(*SENTENCES)).done) == count + 1


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        "{}\n",
        "[]\n",
        '{"version": 2, "facts": {}, "seed": "x", "subtype": ""}\n',
        '{"key": "k", "seed": 1}\n',
    ],
)
def test_nonsense_starts_anew(tmp_path, content):
    (tmp_path / ".a.wav.narration").write_text(content)
    checkpoint = checkpoint_of(tmp_path)
    assert (checkpoint.resume(plan_of(*SENTENCES)), checkpoint.seed) == (Continuation(), None)


def test_where_nothing_can_be_written_it_says_so(tmp_path):
    with pytest.raises(AudioFileError, match="cannot be written"):
        SynthesisCheckpoint(tmp_path / "b" / "a.wav", tmp_path / "b" / "a.wav", "PCM_16", FACTS, 1).add(
            entry(0, "", "text")
        )


def test_the_facts_follow_from_all_that_matters(voice):
    base = {
        "voice": voice,
        "options": GenerationOptions(temperature=0.2, seed=1),
        "settings": SynthesisSettings(),
        "model": "m",
        "version": "1",
    }
    facts = run_facts(**base)
    assert run_facts(**base | {"options": replace(base["options"], seed=2)}) == facts
    for change, name in (
        ({"voice": replace(voice, global_tokens=(1, 2, 4))}, "the voice"),
        ({"options": GenerationOptions(temperature=0.3)}, "the sampling"),
        ({"settings": SynthesisSettings(verify=True)}, "how passages are checked"),
        ({"model": "n"}, "the model"),
        ({"version": "2"}, "the release of gpa-mlx"),
    ):
        other = run_facts(**base | change)
        assert [key for key in facts if facts[key] != other[key]] == [name]


def test_a_pipe_or_a_huge_file_in_place_of_the_journal_is_not_read(tmp_path):
    """Others can guess its name, and may write beside an output in /tmp."""
    os.mkfifo(tmp_path / ".a.wav.narration")
    assert checkpoint_of(tmp_path).resume(plan_of(*SENTENCES)) == Continuation()
    (tmp_path / ".a.wav.narration").unlink()
    (tmp_path / ".a.wav.narration").touch()
    os.truncate(tmp_path / ".a.wav.narration", 2**40)
    assert checkpoint_of(tmp_path).resume(plan_of(*SENTENCES)) == Continuation()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a link that belongs to somebody else")
def test_what_is_kept_aside_does_not_go_through_a_link_of_somebody_else(tmp_path):
    tmp_path.chmod(0o1777)
    interrupted(tmp_path)
    mine = tmp_path / "mine"
    mine.write_text("old")
    link = tmp_path / ".a.wav.narration-kept"
    link.symlink_to(mine)
    os.lchown(link, 12_345, 12_345)
    with pytest.raises(AudioFileError, match="link of another user"):
        checkpoint_of(tmp_path).resume(plan_of("Something else is said.", *SENTENCES[1:]))
    assert mine.read_text() == "old"
