"""The three prompts as vocabulary ids. Nothing is rendered to text and parsed back: codes become ids directly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.errors import InputTextError, InputTooLongError, ModelFormatError, VoiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpa_mlx.model.families.gpa.layout import TokenLayout

MAX_TEXT_TOKENS = 510
"""Most text tokens of one speak prompt: GPA was trained on 512 including the two content markers."""


def transcribe_prompt(layout: TokenLayout, glm_codes: Iterable[int], semantic_codes: Iterable[int]) -> list[int]:
    """Return the prompt that the model continues with the words of a recording.

    Args:
        layout: Ids of the checkpoint.
        glm_codes: GLM-4-voice codes of the recording.
        semantic_codes: BiCodec semantic codes of the same recording.

    Raises:
        ModelFormatError: A code has no id in this checkpoint.
    """
    return [
        layout.start_glm,
        *layout.glm.ids_of(glm_codes),
        layout.end_glm,
        layout.start_semantic,
        *layout.semantic.ids_of(semantic_codes),
        layout.end_semantic,
        layout.start_content,
    ]


def speak_prompt(layout: TokenLayout, global_codes: Iterable[int], text_ids: Sequence[int]) -> list[int]:
    """Return the prompt that the model continues with the semantic codes of spoken text.

    The reference cuts a longer text without a word, and the end marker with it; here it is an error.

    Args:
        layout: Ids of the checkpoint.
        global_codes: Speaker codes of the voice.
        text_ids: The text, encoded without control tokens.

    Raises:
        InputTooLongError: More than `MAX_TEXT_TOKENS` text ids.
        InputTextError: An id is not text.
        VoiceError: A speaker code has no id in this checkpoint.
    """
    if len(text_ids) > MAX_TEXT_TOKENS:
        raise InputTooLongError(
            f"The text has {len(text_ids)} tokens; one pass takes {MAX_TEXT_TOKENS}.",
            hint="Use a shorter text, or split it into sentences.",
        )
    for token_id in text_ids:
        if not layout.is_text(token_id):
            raise InputTextError(f"Id {token_id} is not a text token.", hint="Encode the text with TextTokenizer.")
    return [*_speaker(layout, global_codes), layout.start_content, *text_ids, layout.end_content]


def convert_voice_prompt(layout: TokenLayout, global_codes: Iterable[int], semantic_codes: Iterable[int]) -> list[int]:
    """Return the prompt that the model continues with the semantic codes of a recording in another voice.

    Args:
        layout: Ids of the checkpoint.
        global_codes: Speaker codes of the target voice.
        semantic_codes: BiCodec semantic codes of the source recording.

    Raises:
        ModelFormatError: A semantic code has no id in this checkpoint.
        VoiceError: A speaker code has no id in this checkpoint.
    """
    return [
        *_speaker(layout, global_codes),
        layout.start_semantic,
        *layout.semantic.ids_of(semantic_codes),
        layout.end_semantic,
        layout.end_content,
    ]


def _speaker(layout: TokenLayout, global_codes: Iterable[int]) -> list[int]:
    try:
        ids = layout.global_.ids_of(global_codes)
    except ModelFormatError as error:
        raise VoiceError(
            f"The voice does not belong to this model. {error.message}", hint="Make the voice again with this model."
        ) from error
    return [layout.start_global, *ids, layout.end_global]
