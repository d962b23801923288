"""GPA's entry in the registry of families."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.recording import Recording
from gpa_mlx.lm.generate import generate_tokens
from gpa_mlx.model.families.gpa.parts import GPAParts
from gpa_mlx.model.families.gpa.tasks import GPASpeech, GPATranscription
from gpa_mlx.model.family import ModelFamily
from gpa_mlx.types import SAMPLE_RATE_HZ, GenerationOptions, Voice

if TYPE_CHECKING:
    from gpa_mlx.types import Task

_REHEARSED_CODES = 50


class GPAModel(GPAParts):
    """A GPA model with all its tasks; arguments and errors as for `ModelParts`."""

    @property
    def transcription(self) -> GPATranscription:
        """Recordings to text."""
        return GPATranscription(self)

    @property
    def speech(self) -> GPASpeech:
        """Text to speech."""
        return GPASpeech(self)

    @property
    def conversion(self) -> GPASpeech:
        """Speech to speech."""
        return GPASpeech(self)

    @property
    def enrollment(self) -> GPASpeech:
        """Recordings to voices."""
        return GPASpeech(self)

    @property
    def codec(self) -> GPASpeech:
        """Recordings to codes and back."""
        return GPASpeech(self)

    def rehearse(self, task: Task) -> None:
        """Run three tokens through what the task runs through."""
        sound = np.random.default_rng(0).normal(0, 0.01, SAMPLE_RATE_HZ)
        recording = Recording(sound, sound)
        voice = Voice(name="rehearsal", global_tokens=(0,) * self.bicodec_args.speaker_encoder.token_num)
        if task == "transcribe":
            prompt, output = self.transcription.prompt(recording), self.transcription.output(GenerationOptions())
            options = GenerationOptions()
        else:
            speech = self.speech
            prompt = speech.conversion_prompt(recording, voice) if task == "vc" else speech.prompt("a", voice)
            output = speech.output(GenerationOptions())
            speech.detokenize([0] * _REHEARSED_CODES, voice.global_tokens)
            options = GenerationOptions(temperature=0.2, repetition_penalty=1.2, seed=0)
        tokens = generate_tokens(
            self.generator, output.head, prompt.ids, options, max_tokens=3, stop_ids=frozenset(), embeddings=None
        )
        deque(tokens, maxlen=0)


GPA_FAMILY = ModelFamily(name=GPAModel.family, title="GPA", tasks=frozenset(GPAModel.needs), open_model=GPAModel)
