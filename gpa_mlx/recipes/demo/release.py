"""Release of a demo model with the package: the model, its built-in voices, and sample recordings."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpa_mlx.audio.files.wav import write_wav
from gpa_mlx.doctor.first_run.demo_results import release_results
from gpa_mlx.engine.gpa import load
from gpa_mlx.errors import GPAError
from gpa_mlx.model.demo import RESULTS_NAME, read_samples
from gpa_mlx.recipes.demo.data.dataset import steady_speech
from gpa_mlx.recipes.demo.data.synthesis import synthesise
from gpa_mlx.recipes.demo.data.synthetic_voices import BUILT_IN, VOICES
from gpa_mlx.recipes.demo.data.utterances import of_speech, padded
from gpa_mlx.recipes.demo.data.vocabulary import draw_sequences
from gpa_mlx.recipes.demo.evaluation.quality_targets import MAX_EMBEDDED_BYTES
from gpa_mlx.recipes.demo.evaluation.references import reference_recording
from gpa_mlx.store.manifest import MANIFEST_NAME, require_converted
from gpa_mlx.types import SAMPLE_RATE_HZ
from gpa_mlx.voices.card import SUFFIX, format_card, read_card

if TYPE_CHECKING:
    from gpa_mlx.recipes.demo.data.dataset import DemoData

_DESCRIPTIONS = {
    "slt": "A woman, American English (flite's slt).",
    "rms": "A man, American English (flite's rms).",
    "awb": "A man, Scottish English (flite's awb).",
    "slt-small": "A smaller woman, American English (flite's slt, resampled).",
}
_SAMPLE_VOICES = ("slt", "rms", "awb", "slt-small", "f2", "benjamin")
_SAMPLE_LENGTHS = (0.0, 0.5, 0.5)
_SAMPLE_SEED = 2000
_MARGIN_SAMPLES = 4000


def make_embedded(model_directory: Path, data: DemoData, destination: Path) -> None:
    """Write `model/`, `voices/`, `samples/` and `results.json`, replacing those that are there.

    Args:
        model_directory: The packed model, with its card.
        data: What it was trained on: its built-in voices are made from it.
        destination: Made if it does not exist; other files in it stay.

    Raises:
        GPAError: A synthesiser is missing, or all together is too large to ship.
        ModelFormatError: Not a packed model, or a damaged one.
    """
    destination.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination) as folder:
        staged = Path(folder)
        _copy_model(model_directory, staged / "model")
        _write_voices(model_directory, data, staged / "voices")
        _write_samples(staged / "samples")
        voice = read_card(min((staged / "voices").iterdir()))
        release_results(staged / "model", read_samples(staged / "samples"), voice, staged / RESULTS_NAME)
        size = sum(path.stat().st_size for path in staged.rglob("*") if path.is_file())
        if size > MAX_EMBEDDED_BYTES:
            raise GPAError(
                f"The demo model with its voices and samples has {size / 1e6:.2f} MB, more than the "
                f"{MAX_EMBEDDED_BYTES / 1e6:g} MB that may ship.",
                hint="Train a smaller model.",
            )
        for part in sorted(staged.iterdir()):
            target = destination / part.name
            if target.is_dir():
                shutil.rmtree(target)
            part.replace(target)


def _copy_model(source: Path, target: Path) -> None:
    for name in (*require_converted(source).files, MANIFEST_NAME):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)


def _write_voices(model_directory: Path, data: DemoData, folder: Path) -> None:
    folder.mkdir()
    speech = steady_speech(data.training)
    family = require_converted(model_directory).model_family
    with load(model_directory) as gpa:
        for name in BUILT_IN:
            clip = reference_recording(speech, name, gpa.reference_s)
            voice = gpa.make_voice((clip, SAMPLE_RATE_HZ), name=name)
            described = replace(voice, family=family, description=_DESCRIPTIONS[name])
            (folder / f"{name}{SUFFIX}").write_text(format_card(described), encoding="utf-8")


def _write_samples(folder: Path) -> None:
    folder.mkdir()
    sequences = draw_sequences("evaluation", len(_SAMPLE_VOICES), seed=_SAMPLE_SEED, lengths=_SAMPLE_LENGTHS)
    listing = []
    for voice, words in zip(_SAMPLE_VOICES, sequences, strict=True):
        spoken = synthesise(VOICES[voice], words, "steady", seed=_SAMPLE_SEED)
        recording = padded(of_speech(spoken, words, voice, "steady"), _MARGIN_SAMPLES, _MARGIN_SAMPLES)
        file = f"{voice}-{'-'.join(words)}.wav"
        write_wav(folder / file, recording.wave, SAMPLE_RATE_HZ)
        listing.append({"file": file, "text": recording.text, "voice": voice})
    _write_json(folder / "samples.json", listing)


def _write_json(path: Path, content: Any) -> None:  # noqa: ANN401
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
