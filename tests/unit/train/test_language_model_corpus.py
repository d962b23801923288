import json
import shutil

import numpy as np
import pytest
import soundfile

from gpa_mlx.engine import gpa as engine
from gpa_mlx.errors import AudioFileError, GPAError
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.train.language_model.code_cache import TokenCache
from gpa_mlx.train.language_model.corpus import Corpus, Example, build_corpus, digest_of, example_of, split_corpus
from gpa_mlx.train.language_model.training_manifest import ManifestError, ManifestLine, read_training_manifest


@pytest.fixture(scope="module")
def parts(converted_small_a):
    return GPAModel(converted_small_a)


@pytest.fixture(scope="module")
def cache(parts, code_cache):
    return TokenCache(code_cache, parts)


@pytest.mark.slow
def test_examples_are_those_of_the_reference_trainer(parts, dataset, converted_small_a, golden_audio):
    """Ids and label masks as `ark_processor.process_example` puts them together, spelled out by hand."""
    with engine.load(converted_small_a) as gpa:
        slt, chirp = gpa.tokenize(golden_audio("slt")), gpa.tokenize(golden_audio("chirp"))
    token = parts.text.added_tokens()
    start_glm, end_glm = token["<|start_glm_token|>"], token["<|end_glm_token|>"]
    start_sem, end_sem = token["<|start_semantic_token|>"], token["<|end_semantic_token|>"]
    start_glo, end_glo = token["<|start_global_token|>"], token["<|end_global_token|>"]
    start_text, end_text, end = token["<|start_content|>"], token["<|end_content|>"], token["<|im_end|>"]
    semantic, speaker, glm = token["<|bicodec_semantic_0|>"], token["<|bicodec_global_0|>"], parts.layout.glm.first_id
    glm_ids, sem_ids = [glm + c for c in slt.glm.tolist()], [semantic + c for c in slt.semantic.tolist()]
    voice, target = [speaker + c for c in chirp.global_tokens.tolist()], [semantic + c for c in chirp.semantic.tolist()]

    stt, _, tts, vc = dataset.train
    words = parts.text.encode("one two three")
    assert stt.ids.tolist() == [
        *(start_glm, *glm_ids, end_glm, start_sem, *sem_ids, end_sem, start_text),
        *(*words, end_text, end),
    ]
    assert stt.target_start == len(sem_ids) + 5 + len(glm_ids)
    words = [start_text, *parts.text.encode("hello"), end_text]
    assert tts.ids.tolist() == [start_glo, *voice, end_glo, *words, *sem_ids, end]
    assert tts.target_start == len(words) + 2 + len(voice)
    assert vc.ids.tolist() == [
        *(start_glo, *voice, end_glo, start_sem, *sem_ids, end_sem, end_text),
        *(*target, end),
    ]
    assert vc.target_start == 5 + len(voice) + len(sem_ids)


def test_audio_is_tokenised_once(parts, dataset, cache, golden_audio, tmp_path, monkeypatch):
    moved = shutil.copy(golden_audio("slt"), tmp_path / "elsewhere.wav")
    monkeypatch.setattr(TokenCache, "_compute", lambda *_: pytest.fail("the codes are known"))
    assert len(cache.codes(moved, "semantic")) == 55


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY\x01\x00", b"not an array"])
def test_damaged_codes_are_made_again(parts, cache, golden_audio, tmp_path, damage):
    own = TokenCache(tmp_path, parts)
    audio = golden_audio("short01")
    expected = own.codes(audio, "glm")
    (stored,) = tmp_path.rglob("*.npy")
    stored.write_bytes(damage)
    np.testing.assert_array_equal(own.codes(audio, "glm"), expected)
    np.testing.assert_array_equal(np.load(stored), expected)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [stored]


def test_bad_audio_is_reported_by_line_all_at_once(parts, cache, golden_audio, tmp_path):
    (tmp_path / "text.wav").write_text("no audio")
    (tmp_path / "empty.wav").touch()
    lines = [
        {"audio": "text.wav", "text": "x"},
        {"audio": str(golden_audio("slt")), "text": "x"},
        {"audio": "empty.wav", "text": "x"},
    ]
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(ManifestError) as caught:
        build_corpus(parts, path, read_training_manifest(path), cache, max_tokens=4096)
    first, second = caught.value.problems
    assert first.startswith("line 1: ")
    assert "text.wav" in first
    assert second.startswith("line 3: ")
    assert "empty.wav" in second


def test_recordings_beyond_the_tokenizers_are_left_out_and_named(parts, cache, golden_audio, tmp_path):
    soundfile.write(tmp_path / "long.wav", np.zeros(31 * 16000, dtype=np.int16), 16000)
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(json.dumps({"audio": a, "text": "x"}) for a in ("long.wav", str(golden_audio("slt")))))
    corpus = build_corpus(parts, path, read_training_manifest(path), cache, max_tokens=4096)
    assert [line.number for line in corpus.lines] == [2]
    (reason,) = corpus.too_long
    assert reason.startswith("line 1: ")
    assert "30 s" in reason


def test_over_long_examples_are_left_out_and_named(parts, cache, manifest, dataset):
    lines = read_training_manifest(manifest)
    limit = len(dataset.train[3].ids) - 1
    corpus = build_corpus(parts, manifest, lines, cache, max_tokens=limit)
    assert [line.number for line in corpus.lines] == [1, 2, 3]
    assert corpus.too_long == (f"line 4: {limit + 1} tokens are more than {limit}.",)
    with pytest.raises(GPAError, match="too long"):
        build_corpus(parts, manifest, lines, cache, max_tokens=10)


def test_too_much_text_for_a_speak_prompt_is_left_out_and_named(parts, cache, manifest):
    line = read_training_manifest(manifest)[2]
    wordy = ManifestLine(number=7, task="tts-a", text="a b " * 600, audio=line.audio)
    corpus = build_corpus(parts, manifest, [line, wordy], cache, max_tokens=10_000)
    assert len(corpus.examples) == 1
    assert corpus.too_long[0].startswith("line 7: ")


def test_a_recording_is_never_on_both_sides_of_the_split(tmp_path):
    lines = tuple(
        ManifestLine(number=n, task="stt", text="", audio={"audio": tmp_path / f"{n // 2}.wav"}) for n in range(40)
    )
    examples = tuple(Example(task="stt", ids=np.array([n, 1, 2], np.int32), target_start=1) for n in range(40))
    train, held_out = split_corpus(Corpus(lines, examples, ()), 0.2, seed=0)
    assert len(held_out) == 8
    assert sorted(int(e.ids[0]) for e in (*train, *held_out)) == list(range(40))
    assert {int(e.ids[0]) // 2 for e in train}.isdisjoint(int(e.ids[0]) // 2 for e in held_out)
    again, _ = split_corpus(Corpus(lines, examples, ()), 0.2, seed=0)
    assert digest_of(again) == digest_of(train)
    assert digest_of(split_corpus(Corpus(lines, examples, ()), 0.2, seed=1)[0]) != digest_of(train)
    assert split_corpus(Corpus(lines, examples, ()), 0, seed=0) == (examples, ())
    with pytest.raises(GPAError, match="left to train"):
        split_corpus(Corpus(lines, examples, ()), 0.99, seed=0)


def test_an_empty_transcript_can_be_learnt(parts):
    example = example_of(parts.layout, parts.text, "stt", "", [1], [2])
    assert example.ids[example.target_start :].tolist() == [parts.layout.end_content, parts.layout.im_end]


def test_cache_reports_a_file_that_is_gone(cache, tmp_path):
    with pytest.raises((AudioFileError, OSError)):
        cache.codes(tmp_path / "gone.wav", "glm")
