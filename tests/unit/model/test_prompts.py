from __future__ import annotations

import pytest

from gpa_mlx.errors import InputTextError, InputTooLongError, ModelFormatError, VoiceError
from gpa_mlx.model.families.gpa.layout import TokenLayout
from gpa_mlx.model.families.gpa.prompts import MAX_TEXT_TOKENS, convert_voice_prompt, speak_prompt, transcribe_prompt
from gpa_mlx.model.vocab import CodeRange


@pytest.fixture
def layout() -> TokenLayout:
    return TokenLayout(
        start_glm=100,
        end_glm=101,
        start_semantic=102,
        end_semantic=103,
        start_global=104,
        end_global=105,
        start_content=106,
        end_content=107,
        im_end=108,
        glm=CodeRange(200, 10),
        global_=CodeRange(300, 10),
        semantic=CodeRange(400, 10),
        text_ranges=((0, 50), (60, 100)),
        num_ids=410,
        source="tokenizer.json",
    )


def test_transcribe(layout):
    assert transcribe_prompt(layout, [1, 2], [3, 3, 9]) == [100, 201, 202, 101, 102, 403, 403, 409, 103, 106]


def test_speak(layout):
    assert speak_prompt(layout, (5, 0), [7, 60]) == [104, 305, 300, 105, 106, 7, 60, 107]


def test_convert_voice_has_no_start_of_content(layout):
    assert convert_voice_prompt(layout, (5, 0), [1, 2]) == [104, 305, 300, 105, 102, 401, 402, 103, 107]


@pytest.mark.parametrize("code", [-1, 10])
def test_offending_code_is_named(layout, code):
    with pytest.raises(ModelFormatError, match=f"Code {code} "):
        transcribe_prompt(layout, [code], [0])
    with pytest.raises(ModelFormatError, match=f"Code {code} "):
        transcribe_prompt(layout, [0], [code])
    with pytest.raises(ModelFormatError, match=f"Code {code} "):
        convert_voice_prompt(layout, [0], [code])
    for make in (speak_prompt, convert_voice_prompt):
        with pytest.raises(VoiceError, match=f"Code {code} ") as caught:
            make(layout, [code], [0])
        assert caught.value.hint


@pytest.mark.parametrize("token_id", [50, 59, 107, 108, 205, 409, 10_000, -1])
def test_only_text_can_be_spoken(layout, token_id):
    with pytest.raises(InputTextError, match=f"Id {token_id} "):
        speak_prompt(layout, [0], [1, token_id, 2])


def test_long_text_is_refused_and_never_cut(layout):
    assert speak_prompt(layout, [0], [1] * MAX_TEXT_TOKENS)[-2:] == [1, layout.end_content]
    with pytest.raises(InputTooLongError, match="511 tokens") as caught:
        speak_prompt(layout, [0], [1] * (MAX_TEXT_TOKENS + 1))
    assert "shorter" in caught.value.hint
