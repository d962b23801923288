"""The decoder against the reference and against mlx-lm on the same directory."""

from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.lm.cache import make_caches
from gpa_mlx.lm.generate import generate_tokens
from gpa_mlx.lm.sampling import process_logits, seen_rows
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.runtime.backend import mx
from gpa_mlx.types import GenerationOptions
from gpa_mlx_convert.pipeline import ConvertOptions, convert

PROMPTS = ["stt_slt", "stt_rms", "stt_chirp", "tts_en_rms", "tts_zh_slt", "vc_cmn_slt", "vc_slt_rms"]
SETTINGS = {
    "gpa_default": GenerationOptions(temperature=0.2, repetition_penalty=1.2),
    "t1_p09": GenerationOptions(temperature=1.0, repetition_penalty=1.2, top_p=0.9),
    "t08_k20_p095_rp1": GenerationOptions(temperature=0.8, top_k=20, top_p=0.95),
    "t1_k0": GenerationOptions(temperature=1.0, repetition_penalty=1.2, top_k=0),
}


@pytest.fixture(scope="module")
def parts(converted_small_a):
    return GPAModel(converted_small_a)


@pytest.fixture(scope="module")
def stored_in_bfloat16(tmp_path_factory, small_a):
    """As `convert` and `pull` store the language model where there is Metal."""
    destination = tmp_path_factory.mktemp("bfloat16") / "model"
    convert(small_a, destination, ConvertOptions("bfloat16"))
    return destination


def logits_of(parts, ids):
    return np.array(parts.language_model(mx.array(np.asarray(ids))[None])[0])


@pytest.mark.parametrize("case", PROMPTS)
def test_logits_equal_the_reference(parts, golden, case):
    recorded = golden("llm")
    logits = logits_of(parts, recorded[f"{case}|prompt_ids"])
    assert np.abs(logits[-1] - recorded[f"{case}|last_logits"]).max() <= 1e-3
    assert logits.argmax(axis=-1).tolist() == recorded[f"{case}|argmax_all_positions"].tolist()
    assert np.abs(logits.max(axis=-1) - recorded[f"{case}|max_logit_all_positions"]).max() <= 1e-3


@pytest.mark.parametrize(("device", "bound"), [(mx.cpu, 0.1), (mx.gpu, 0.2)])
def test_bfloat16_is_as_near_as_its_rounding(stored_in_bfloat16, golden, monkeypatch, device, bound):
    """The weights are rounded, and on a GPU what is computed from them; logits are up to 11, float32 in both."""
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(device))
    parts, recorded = GPAModel(stored_in_bfloat16), golden("llm")
    assert parts.generator.model.norm.weight.dtype == (mx.float32 if device == mx.cpu else mx.bfloat16)
    for case in PROMPTS:
        logits = parts.full_head(parts.generator.model(mx.array(recorded[f"{case}|prompt_ids"])[None])[0])
        assert logits.dtype == mx.float32
        found = np.array(logits)
        assert np.abs(found[-1] - recorded[f"{case}|last_logits"]).max() <= bound
        assert np.mean(found.argmax(axis=-1) == recorded[f"{case}|argmax_all_positions"]) > 0.93


@pytest.mark.parametrize("case", PROMPTS)
@pytest.mark.parametrize("penalty", [1.0, 1.2])
def test_greedy_ids_equal_the_reference(parts, golden, case, penalty):
    recorded = golden("llm")
    name = "greedy" if penalty == 1.0 else "greedy_rp12"
    prompt = recorded[f"{case}|prompt_ids"].tolist()

    def generate(stop_ids):
        options = GenerationOptions(repetition_penalty=penalty, constrain=False)
        tokens = generate_tokens(
            parts.language_model, parts.full_head, prompt, options, max_tokens=64, stop_ids=stop_ids
        )
        return [token.id for token in tokens]

    assert generate(frozenset({parts.layout.im_end})) == recorded[f"{case}|{name}"].tolist()
    assert generate(frozenset()) == recorded[f"{case}|{name}_noeos"].tolist()


@pytest.mark.parametrize("case", PROMPTS)
def test_cached_logits_equal_the_reference_and_the_uncached(parts, golden, case):
    recorded = golden("llm")
    prompt = recorded[f"{case}|prompt_ids"].tolist()
    generated = recorded[f"{case}|greedy_noeos"].tolist()[:8]
    caches = make_caches(parts.lm_args.num_layers)
    model = parts.language_model
    logits = model(mx.array(prompt)[None], caches)
    for token in generated:
        logits = model(mx.array([[token]]), caches)
    cached = np.array(logits[0, -1])
    assert np.abs(cached - recorded[f"{case}|greedy_noeos_step8_logits"]).max() <= 1e-3
    assert np.abs(cached - logits_of(parts, prompt + generated)[-1]).max() <= 1e-4


def test_a_cache_filled_in_any_pieces_gives_the_same_logits(parts, golden):
    ids = golden("llm")["stt_rms|prompt_ids"].tolist()  # 281 ids: crosses a cache block
    whole = logits_of(parts, ids)[-1]
    for cuts in ([1, 255, 256, 257], [100], [280]):
        caches = make_caches(parts.lm_args.num_layers)
        for piece in np.split(np.asarray(ids), cuts):
            logits = parts.language_model(mx.array(piece)[None], caches)
        assert np.abs(np.array(logits[0, -1]) - whole).max() <= 1e-4


@pytest.mark.parametrize("case", PROMPTS)
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("step", [0, 5])
def test_the_sampling_distribution_equals_the_reference(parts, golden, case, setting, step):
    recorded, key = golden("sampling"), f"{case}|step{step}|{setting}"
    if f"{key}|ids" not in recorded:
        pytest.skip("not recorded for this prompt")
    ids = golden("llm")[f"{case}|prompt_ids"].tolist() + recorded[f"{case}|step{step}|prefix"].tolist()
    logits = mx.array(logits_of(parts, ids)[-1])
    probabilities = np.array(mx.softmax(process_logits(logits, SETTINGS[setting], seen_rows(ids, logits.size))))
    assert np.flatnonzero(probabilities > 0).tolist() == recorded[f"{key}|ids"].tolist()
    assert np.abs(probabilities[recorded[f"{key}|ids"]] - recorded[f"{key}|probs"]).max() <= 1e-5


@pytest.mark.parametrize("task", ["text_head", "speech_head"])
def test_a_sliced_head_gives_the_same_logits_for_its_rows(parts, golden, task):
    head = getattr(parts, task)
    hidden = parts.language_model.model(mx.array(golden("llm")["tts_en_rms|prompt_ids"])[None])[:, -1]
    full = np.array(parts.full_head(hidden)[0])
    assert np.abs(np.array(head(hidden)[0]) - full[head.ids]).max() <= 1e-5
    ids = head.ids[[0, 5, -1]].tolist()
    assert head.rows_of([*ids, -1, 10**6]) == [0, 5, len(head.ids) - 1]


def test_speech_rows_are_semantic_codes_and_stops_only(parts):
    layout, ids = parts.layout, set(parts.speech_head.ids.tolist())
    codes = set(range(layout.semantic.first_id, layout.semantic.first_id + layout.semantic.size))
    assert ids == codes | {layout.im_end, layout.end_content}


def test_text_rows_hold_no_audio_token(parts):
    layout, ids = parts.layout, parts.text_head.ids.tolist()
    assert {layout.im_end, layout.end_content} <= set(ids)
    assert not any(i in block for i in ids for block in (layout.glm, layout.semantic, layout.global_))


def test_mlx_lm_computes_the_same_logits_on_the_same_directory(parts, converted_small_a, golden):
    utils = pytest.importorskip("mlx_lm.utils")
    model, _ = utils.load_model(converted_small_a)
    ids = golden("llm")["vc_slt_rms|prompt_ids"]
    theirs = np.array(model(mx.array(ids)[None])[0].astype(mx.float32))
    assert np.abs(theirs - logits_of(parts, ids)).max() <= 1e-4
