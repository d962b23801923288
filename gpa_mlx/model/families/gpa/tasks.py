"""What a GPA model can do: prompts of codes, and outputs that are text or semantic codes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpa_mlx.audio.recording import Recording
from gpa_mlx.codec.decoder import Vocoder
from gpa_mlx.errors import VoiceError
from gpa_mlx.model.families.gpa.parts import GPAParts
from gpa_mlx.model.families.gpa.prompts import convert_voice_prompt, speak_prompt, transcribe_prompt
from gpa_mlx.model.tasks import Prompt, SpeechOutput, TextOutput
from gpa_mlx.runtime.parallel import run_parallel
from gpa_mlx.tokenizers.bicodec import bicodec_waveform
from gpa_mlx.tokenizers.glm import GLMTokenizer, IncrementalGLMTokenizer, max_glm_samples
from gpa_mlx.types import SAMPLE_RATE_HZ, AudioTokens, Codes, GenerationOptions, Voice, Waveform


class GPATranscription:
    """Recordings to text, by GLM codes and semantic codes.

    Args:
        parts: The model's parts.
    """

    def __init__(self, parts: GPAParts) -> None:
        self._parts = parts

    @property
    def max_samples(self) -> int:
        """Longest input of the GLM tokenizer, 30 s."""
        return max_glm_samples(self._parts.glm_args, self._parts.log_mel_args)

    def prompt(self, recording: Recording) -> Prompt:
        """Encode a recording at once."""
        return _IncrementalPrompts(self._parts, self._parts.glm).prompt(recording)

    def incremental(self) -> _IncrementalPrompts:
        """Keep the GLM codes of finished blocks.

        BiCodec's codes change with all that follows, so they are computed anew each time; GLM codes of finished blocks
        do not, as `IncrementalGLMTokenizer` says.
        """
        return _IncrementalPrompts(self._parts, self._parts.glm.growing())

    def output(self, options: GenerationOptions) -> TextOutput:
        """Text ends at `<|im_end|>`; the reference reads up to a second start marker and drops end markers."""
        parts, layout = self._parts, self._parts.layout
        return TextOutput(
            head=parts.text_head if options.constrain else parts.full_head,
            stop_ids=_stop_ids(parts, options),
            end_ids=frozenset({layout.start_content}),
            marker_ids=frozenset({layout.end_content}),
            tokenizer=parts.text,
        )


class _IncrementalPrompts:
    def __init__(self, parts: GPAParts, glm: GLMTokenizer | IncrementalGLMTokenizer) -> None:
        self._parts = parts
        self._glm = glm

    def prompt(self, recording: Recording) -> Prompt:
        glm, semantic = _glm_and_semantic_codes(self._parts, recording, self._glm)
        return Prompt(ids=transcribe_prompt(self._parts.layout, glm, semantic))


class GPASpeech:
    """Text and recordings to speech, voices, and codes.

    Args:
        parts: The model's parts.
    """

    def __init__(self, parts: GPAParts) -> None:
        self._parts = parts

    @property
    def vocoder(self) -> Vocoder:
        """BiCodec's decoder half."""
        return self._parts.vocoder

    @property
    def reference_s(self) -> float:
        """What the speaker encoder's config says, 6 s for GPA."""
        return self._parts.bicodec_args.ref_segment_duration

    def check_voice(self, voice: Voice) -> None:
        """Check that a voice has as many speaker codes as BiCodec, out of its codebook.

        Raises:
            VoiceError: It has not.
        """
        speaker = self._parts.bicodec_args.speaker_encoder
        if len(voice.global_tokens) != speaker.token_num or max(voice.global_tokens) >= speaker.codebook_size:
            raise VoiceError(
                f"The voice '{voice.name}' does not fit this model.", hint="Make the voice again with this model."
            )

    def prompt(self, text: str, voice: Voice) -> Prompt:
        """Speaker codes and text; errors as for `speak_prompt`."""
        return Prompt(ids=speak_prompt(self._parts.layout, voice.global_tokens, self._parts.text.encode(text)))

    def conversion_prompt(self, recording: Recording, voice: Voice) -> Prompt:
        """Speaker codes of the target and semantic codes of the source, which follow from its first channel."""
        parts = self._parts
        semantic = parts.semantic.encode(bicodec_waveform(recording.first_channel, parts.bicodec_args))
        ids = convert_voice_prompt(parts.layout, voice.global_tokens, semantic)
        return Prompt(ids=ids, min_budget=len(semantic) * 5 // 4)

    def output(self, options: GenerationOptions) -> SpeechOutput:
        """Semantic codes; the reference reads up to a second end marker and ignores everything else."""
        parts = self._parts
        return SpeechOutput(
            head=parts.speech_head if options.constrain else parts.full_head,
            stop_ids=_stop_ids(parts, options),
            end_ids=frozenset({parts.layout.end_content}),
            codes=parts.layout.semantic,
        )

    def speaker_codes(self, recording: Recording) -> Codes:
        """Return the 32 global codes of the first channel."""
        return self._parts.speaker.encode(bicodec_waveform(recording.first_channel, self._parts.bicodec_args))

    def tokenize(self, recording: Recording) -> AudioTokens:
        """Return all three kinds of codes; GLM codes cover at most the first 30 s, the tokenizer's limit."""
        glm, semantic = _glm_and_semantic_codes(self._parts, recording, self._parts.glm)
        return AudioTokens(
            glm=glm,
            semantic=semantic,
            global_tokens=self.speaker_codes(recording),
            duration_s=recording.duration_s,
            glm_duration_s=min(len(recording), self._parts.glm.max_samples) / SAMPLE_RATE_HZ,
        )

    def detokenize(self, semantic: Sequence[int], global_tokens: Sequence[int]) -> Waveform:
        """Decode with BiCodec."""
        return self._parts.vocoder.decode(semantic, global_tokens)


def _stop_ids(parts: GPAParts, options: GenerationOptions) -> frozenset[int]:
    layout = parts.layout
    return frozenset({layout.im_end, layout.end_content} if options.constrain else {layout.im_end})


def _glm_and_semantic_codes(
    parts: GPAParts, recording: Recording, glm: GLMTokenizer | IncrementalGLMTokenizer
) -> tuple[Codes, Codes]:
    """Run both tokenizers at the same time where that is faster."""
    semantic = parts.semantic  # loaded here, so that weights are read by the thread that keeps them
    mean = recording.channel_mean[: parts.glm.max_samples].astype(np.float32)
    wave = bicodec_waveform(recording.first_channel, parts.bicodec_args)
    return run_parallel(lambda: glm.encode(mean), lambda: semantic.encode(wave))
