"""Speech with any family's model: text to speech and voice conversion, decoded while the codes are generated."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.audio.recording import require_min_length
from gpa_mlx.codec.speech import SpeechChunker
from gpa_mlx.engine.decoding import DecodingPass, checked, generate, heard_channels
from gpa_mlx.engine.timing import TaskTimer
from gpa_mlx.errors import GPAError, NoSpeechError
from gpa_mlx.text.joining import check_text
from gpa_mlx.types import SAMPLE_RATE_HZ, FinishReason, SpeechChunk

if TYPE_CHECKING:
    from gpa_mlx.model.parts import ModelParts
    from gpa_mlx.model.tasks import ConversionTask, Prompt, SpeechTask, VoiceTask
    from gpa_mlx.types import AudioLike, GenerationOptions, SpeechStream, Voice

MAX_PASS_S = 60.0
"""Longest recording that is tokenised in one piece: attention over it needs memory in the square of its length."""

_NO_SOUND, _NO_CODES = np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int32)

_SPEECH_WANTED = {
    True: "Give a recording with speech.",
    False: "Give a recording with speech on its first channel: without constraints no other is heard.",
}


class Synthesizer:
    """Speaks and converts voices with a loaded model; `gpa_mlx.engine.gpa.GPA` says what its streams are.

    Args:
        parts: The model.
    """

    def __init__(self, parts: ModelParts) -> None:
        self._parts = parts

    def stream_speak(
        self, task: SpeechTask, text: str, voice: Voice, options: GenerationOptions, *, lookahead: int | None
    ) -> SpeechStream:
        """Yield the speech of a text as it is made; checks at the call, errors as for `GPA.speak`."""
        options = checked(options)
        check_text(text)
        task.check_voice(voice)
        prompt = task.prompt(text, voice)
        return self._stream(task, prompt, voice, DecodingPass(options, TaskTimer()), lookahead)

    def stream_convert(
        self, task: ConversionTask, audio: AudioLike, voice: Voice, options: GenerationOptions, *, lookahead: int | None
    ) -> SpeechStream:
        """Yield the speech of a recording in another voice; checks at the call, errors as for `GPA.convert_voice`."""
        options = checked(options)
        task.check_voice(voice)
        recording = load_recording(audio, max_duration_s=MAX_PASS_S, channels=heard_channels(options))
        require_min_length(recording, "The source")
        if not np.any(recording.first_channel):
            raise GPAError("The source is silent.", hint=_SPEECH_WANTED[options.constrain])

        def run() -> SpeechStream:
            decoding = DecodingPass(options, TaskTimer())
            with decoding.clock.encoding():
                prompt = task.conversion_prompt(recording, voice)
            yield from self._stream(task, prompt, voice, decoding, lookahead)

        return run()

    def _stream(
        self, task: VoiceTask, prompt: Prompt, voice: Voice, decoding: DecodingPass, lookahead: int | None
    ) -> SpeechStream:
        clock, options = decoding.clock, decoding.options
        decoder = task.vocoder.stream(voice.global_tokens, lookahead=lookahead)
        chunker = SpeechChunker(decoder, as_reference=not options.constrain)
        output = task.output(options)
        codes: list[int] = []
        handed_out = 0
        finish: FinishReason = "length"
        in_speech = True
        with closing(generate(self._parts.pool, output, prompt, decoding)) as tokens:
            for generated in tokens:
                if generated is None:
                    yield SpeechChunk(audio=_NO_SOUND, sample_rate=SAMPLE_RATE_HZ, codes=_NO_CODES)
                    continue
                token = generated.id
                if token in output.stop_ids:
                    finish = "stop"
                    break
                in_speech = in_speech and token not in output.end_ids
                if not in_speech or token not in output.codes:
                    continue
                codes.append(output.codes.code_of(token))
                with clock.decoding():
                    audio = chunker.push(codes[-1])
                if len(audio):
                    clock.first_output()
                    first, handed_out = handed_out, handed_out + len(audio) // decoder.samples_per_code
                    yield SpeechChunk(
                        audio=audio,
                        sample_rate=SAMPLE_RATE_HZ,
                        codes=np.asarray(codes[first:handed_out], dtype=np.int32),
                    )
        if not codes:
            raise NoSpeechError(
                "The model ended without any speech.", hint="Try another seed, a higher temperature or other input."
            )
        with clock.decoding():
            audio = chunker.finish()
        clock.first_output()
        yield SpeechChunk(
            audio=audio,
            sample_rate=SAMPLE_RATE_HZ,
            codes=np.asarray(codes[handed_out:], dtype=np.int32),
            finish_reason=finish,
            timings=clock.timings(len(codes) * decoder.samples_per_code / SAMPLE_RATE_HZ),
            seed=options.seed,
        )
