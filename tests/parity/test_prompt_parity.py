"""Our prompts against the recorded ones, and against the text that the reference builds and parses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from gpa_mlx.errors import InputTooLongError
from gpa_mlx.model.families.gpa.layout import TokenLayout
from gpa_mlx.model.families.gpa.prompts import MAX_TEXT_TOKENS, convert_voice_prompt, speak_prompt, transcribe_prompt
from gpa_mlx.tokenizers.text import TextTokenizer
from tests.support.examples import examples

CODES = st.lists(st.integers(0, 511), max_size=40)
SPEAKER = st.lists(st.integers(0, 255), min_size=32, max_size=32)


@pytest.fixture(scope="module")
def text(small_a):
    return TextTokenizer.from_file(small_a / "tokenizer.json")


@pytest.fixture(scope="module")
def layout(text):
    return TokenLayout.from_added_tokens(text.added_tokens(), text.base_vocab_size, "tokenizer.json")


@pytest.fixture(scope="module")
def reference(small_a):
    return Tokenizer.from_file(str(small_a / "tokenizer.json"))


def prompts_of(golden, archive: str, separator: str) -> dict[tuple[str, ...], list[int]]:
    arrays = golden(archive)
    keys = [key.removesuffix("|prompt_ids") for key in arrays if key.endswith("|prompt_ids")]
    return {tuple(key.split(separator)): arrays[f"{key}|prompt_ids"].tolist() for key in keys}


def test_every_recorded_prompt(golden, golden_meta, text, layout):
    glm = {key.split("|")[0]: codes for key, codes in golden("glm").items() if key.endswith("|tokens")}
    bicodec = golden("bicodec_encode")

    def built(task: str, *names: str) -> list[int]:
        if task == "stt":
            return transcribe_prompt(layout, glm[names[0]], bicodec[f"{names[0]}|semantic_tokens"])
        voice = bicodec[f"{names[1]}|global_tokens"]
        if task == "tts":
            return speak_prompt(layout, voice, text.encode(golden_meta["texts"][names[0]]))
        return convert_voice_prompt(layout, voice, bicodec[f"{names[0]}|semantic_tokens"])

    recorded = prompts_of(golden, "llm", "_")
    recorded.pop(("prompt", "tts", "longtext"))
    for (task, case), ids in prompts_of(golden, "e2e", "|").items():
        recorded[(task, *case.split("_"), "e2e")] = ids
    assert len(recorded) == 20
    for (task, *names), ids in recorded.items():
        assert built(task, *names) == ids, (task, names)


def test_long_text_is_refused_where_the_reference_cuts_it(golden, golden_meta, text, layout):
    recorded = golden("llm")["prompt_tts_longtext|prompt_ids"].tolist()
    ids = text.encode(golden_meta["tts_longtext"]["text"])
    assert len(ids) == golden_meta["tts_longtext"]["text_tokens_untruncated"] - 2
    start = recorded.index(layout.start_content)
    assert recorded[start + 1 :] == ids[:511]
    assert layout.end_content not in recorded
    speaker = layout.global_.codes_in(recorded[:start])
    with pytest.raises(InputTooLongError):
        speak_prompt(layout, speaker, ids)
    fitting = speak_prompt(layout, speaker, ids[:MAX_TEXT_TOKENS])
    assert fitting == [*recorded[:-1], layout.end_content]


@examples(40)
@given(SPEAKER, CODES)
def test_conversion_prompt_equals_the_reference_route_over_text(layout, reference, speaker, semantic):
    """The reference decodes the ids of the codes to text, adds the markers as text, and encodes the whole again."""
    speaker_text = reference.decode([layout.global_.first_id + code for code in speaker])
    semantic_text = reference.decode([layout.semantic.first_id + code for code in semantic])
    rendered = (
        f"<|start_global_token|>{speaker_text}<|end_global_token|>"
        f"<|start_semantic_token|>{semantic_text}<|end_semantic_token|><|end_content|>"
    )
    assert convert_voice_prompt(layout, speaker, semantic) == reference.encode(rendered).ids


@examples(40)
@given(SPEAKER, st.text("abc 你好,.!\n 12", max_size=60))
def test_speak_prompt_equals_the_reference_route_over_text(layout, reference, text, speaker, words):
    speaker_text = reference.decode([layout.global_.first_id + code for code in speaker])
    rendered = f"<|start_global_token|>{speaker_text}<|end_global_token|><|start_content|>{words}<|end_content|>"
    assert speak_prompt(layout, speaker, text.encode(words)) == reference.encode(rendered).ids
