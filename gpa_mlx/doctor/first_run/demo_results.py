"""What the demo model makes of the bundled recordings: codes, texts, speech; made once in float32 and committed.

A new demo model is released with its results (`gpa_mlx.recipes.demo.release`); `make demo-results` makes the file anew.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.engine.gpa import GPA
from gpa_mlx.errors import GPAError, ModelFormatError, NoSpeechError
from gpa_mlx.lm.cache import make_caches
from gpa_mlx.lm.generate import prefill
from gpa_mlx.model.demo import SENTENCE, demo_model, demo_samples, demo_voices, results_file
from gpa_mlx.model.registry import open_model
from gpa_mlx.provenance.tagging import identify_model
from gpa_mlx.runtime.backend import mx
from gpa_mlx.runtime.memory import cap_cache
from gpa_mlx.store.config_reader import ConfigReader
from gpa_mlx.store.files import read_limited, write_atomically
from gpa_mlx.types import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.audio.recording import Recording
    from gpa_mlx.model.demo import DemoSample
    from gpa_mlx.model.parts import ModelParts
    from gpa_mlx.types import Voice

_GREEDY = GenerationOptions(max_tokens=120)
_WAVE_STEP = 97
"""Every so many samples of a decoded waveform are kept: prime, so that no phase of the decoder is preferred."""
_WAVE_DIGITS = 6
_LOGIT_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleResult:
    """What became of one recording.

    Attributes:
        file: Its name.
        text: Its transcription.
        glm: Codes of the GLM tokenizer.
        semantic: Semantic codes.
        global_tokens: Speaker codes.
    """

    file: str
    text: str
    glm: tuple[int, ...]
    semantic: tuple[int, ...]
    global_tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResults:
    """What a model made of recordings and a text.

    Attributes:
        model_sha256: Which weights it has.
        samples: One result per recording.
        speech: Semantic codes of a sentence in the first voice, the likeliest each time, at most 120.
        logits: Of all ids of a text, after the prompt of the first recording.
        wave: Every 97th sample of what the codes of the first recording decode to.
    """

    model_sha256: str
    samples: tuple[SampleResult, ...]
    speech: tuple[int, ...]
    logits: tuple[float, ...]
    wave: tuple[float, ...]


def results_of(model: Path, samples: Sequence[DemoSample], voice: Voice) -> DemoResults:
    """Let a model do everything whose result is the same each time.

    Args:
        model: Its directory.
        samples: Recordings.
        voice: Who says the sentence.

    Raises:
        GPAError: The model cannot be used.
    """
    parts = open_model(model, None)
    cap_cache()
    found = []
    with GPA(parts) as engine:
        for sample in samples:
            tokens = engine.tokenize(sample.file)
            found.append(
                SampleResult(
                    file=sample.file.name,
                    text=engine.transcribe(sample.file).text.strip(),
                    glm=tuple(tokens.glm.tolist()),
                    semantic=tuple(tokens.semantic.tolist()),
                    global_tokens=tuple(tokens.global_tokens.tolist()),
                )
            )
        wave = engine.detokenize(found[0].semantic, found[0].global_tokens)
        return DemoResults(
            model_sha256=identify_model(model).sha256,
            samples=tuple(found),
            speech=_likeliest_speech(engine, voice),
            logits=tuple(cast(list[float], _first_logits(parts, load_recording(samples[0].file)).tolist())),
            wave=tuple(wave[::_WAVE_STEP].tolist()),
        )


def _likeliest_speech(engine: GPA, voice: Voice) -> tuple[int, ...]:
    try:
        return tuple(engine.speak(SENTENCE, voice=voice, options=_GREEDY).codes.tolist())
    except NoSpeechError:
        return ()  # a result like any other: all codes are missing


def _first_logits(parts: ModelParts, recording: Recording) -> mx.array:
    task = parts.transcription
    assert task is not None
    prompt, head = task.prompt(recording), task.output(GenerationOptions()).head
    return head(prefill(parts.generator, prompt.ids, make_caches(parts.generator.args.num_layers)))[0]


def read_results(file: Path) -> DemoResults:
    """Read committed results.

    Raises:
        ModelFormatError: The file is missing or damaged.
    """

    def damaged(problem: str) -> GPAError:
        return ModelFormatError(f"{file} is damaged: {problem}.", hint="Install gpa-mlx again.")

    try:
        fields = ConfigReader.from_json(read_limited(file), str(file), damaged)
    except OSError as error:
        raise damaged(error.strerror or str(error)) from error
    return _parse(fields)


def _parse(fields: ConfigReader) -> DemoResults:
    def sample(reader: ConfigReader, index: str) -> SampleResult:
        entry = reader.section(index)
        return SampleResult(
            file=entry.line("file"),
            text=entry.line("text"),
            glm=entry.integers("glm", minimum=0),
            semantic=entry.integers("semantic", minimum=0),
            global_tokens=entry.integers("global_tokens", minimum=0),
        )

    return DemoResults(
        model_sha256=fields.line("model_sha256"),
        samples=fields.each("samples", sample),
        speech=fields.each("speech", ConfigReader.count),
        logits=fields.each("logits", ConfigReader.number),
        wave=fields.each("wave", ConfigReader.number),
    )


def release_results(model: Path, samples: Sequence[DemoSample], voice: Voice, file: Path) -> None:
    """Write what a model makes of recordings on the CPU, in float32: to be committed with it.

    Args:
        model: Its directory.
        samples: The recordings it ships with.
        voice: The first of those it ships with.
        file: What to write.

    Raises:
        GPAError: The model cannot be used.
        OSError: The file cannot be written.
    """
    device = mx.default_device()
    mx.set_default_device(mx.Device(mx.cpu))
    try:
        _write(results_of(model, samples, voice), file)
    finally:
        mx.set_default_device(device)


def _write(results: DemoResults, file: Path) -> None:
    """Write results, with no more digits than mean something."""
    document: dict[str, Any] = asdict(results)
    document["logits"] = [round(value, _LOGIT_DIGITS) for value in results.logits]
    document["wave"] = [round(value, _WAVE_DIGITS) for value in results.wave]
    write_atomically(file, json.dumps(document, separators=(",", ":")).replace('{"file"', '\n{"file"') + "\n")


def main() -> None:
    """Make the committed file anew."""
    release_results(demo_model(), demo_samples(), demo_voices()[0], results_file())


if __name__ == "__main__":
    main()
