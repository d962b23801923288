"""The model card: what a demo model is, what it was trained on, and how good it turned out to be."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from gpa_mlx.recipes.demo.data.dataset import steady_speech
from gpa_mlx.recipes.demo.data.synthetic_voices import BUILT_IN, HELD_OUT, RECOGNISED, SPEAKING, EspeakVoice
from gpa_mlx.recipes.demo.data.vocabulary import MAX_WORDS, WORDS
from gpa_mlx.recipes.demo.evaluation.judges import JUDGES
from gpa_mlx.recipes.demo.evaluation.quality_targets import Target, targets
from gpa_mlx.recipes.demo.training.pack import DOCUMENTS, refresh_manifest
from gpa_mlx.store.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from gpa_mlx.recipes.demo.data.dataset import DemoData
    from gpa_mlx.recipes.demo.data.synthetic_voices import VoiceSpec
    from gpa_mlx.recipes.demo.evaluation.scores import DemoScores, JudgeScores, WordErrors
    from gpa_mlx.recipes.demo.training.recipe import DemoRecipe, Sizes
    from gpa_mlx.store.manifest import PartInfo

_CARD, _SCORES = DOCUMENTS
_VERDICTS = {True: "met", False: "missed", None: "not measured"}


def write_card(directory: Path, scores: DemoScores, recipe: DemoRecipe, data: DemoData) -> None:
    """Write `MODEL_CARD.md` and `scores.json` into a packed model and list them in its manifest.

    Args:
        directory: The model that was evaluated.
        scores: Its figures.
        recipe: How it was trained.
        data: What it was trained and judged on.

    Raises:
        ModelFormatError: Not a packed model.
    """
    manifest = read_manifest(directory)
    record = {"scores": scores.as_dict(), "recipe": asdict(recipe), "data": asdict(data.config)}
    (directory / _SCORES).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    sections = [
        _introduction(manifest.model_name, scores),
        _architecture(manifest.parts, recipe.sizes),
        _training(data),
        _abilities(),
        _results(scores),
        _licences(),
        _reproduction(),
    ]
    (directory / _CARD).write_text("\n".join(sections), encoding="utf-8")
    refresh_manifest(directory)


def _introduction(name: str, scores: DemoScores) -> str:
    return f"""# {name}

A small GPA: a Qwen3 decoder over discrete audio tokens that transcribes, speaks and converts voices, with its own GLM
tokenizer, wav2vec2 feature network and BiCodec codec. All four networks were trained from scratch on synthesised
speech. It has {scores.parameters / 1e6:.2f} million parameters in {scores.size_bytes / 1e6:.2f} MB and knows
{len(WORDS)} words. It shows what gpa-mlx does without a download; it shares no weight with the published GPA.
"""


def _architecture(parts: Mapping[str, PartInfo], sizes: Sizes) -> str:
    networks = _table(
        ("network", "parameters", "stored as"),
        ((name, f"{part.parameters:,}", part.dtype) for name, part in parts.items()),
    )
    widths = _table(("setting", "value"), ((name, str(value)) for name, value in asdict(sizes).items()))
    return f"## Architecture\n\n{networks}\n{widths}"


def _training(data: DemoData) -> str:
    speech = [utterance for utterance in data.training if utterance.words]
    voices = {utterance.voice for utterance in speech}
    hours = sum(utterance.duration_s for utterance in speech) / 3600
    further, spoken = len(data.synthetic_speech), len(steady_speech(data.synthetic_speech))
    espeak = sum(voice.name in voices for voice in RECOGNISED if isinstance(voice, EspeakVoice))
    return f"""## Training data

{len(speech):,} utterances, {hours:.2f} hours, in {len(voices)} voices: {espeak} of espeak-ng (formant synthesis) and
{len(voices) - espeak} of flite (synthesis from recorded speakers, some moved to another pitch and vocal tract length);
and {len(data.training) - len(speech)} recordings of silence, noise, hum and clicks. The inputs were disturbed with
noise, reverberation and equalisers while training. The language model read {further:,} further utterances
of {data.config.synthetic_sequences:,} sequences: {spoken:,} in the voices it speaks with, the others in
all voices, only to be understood. No human recordings were used beyond those in flite's voice databases.

One in eight of all sequences of two or more words, chosen by the words alone, was kept for evaluation and never trained
on. Single words, of which there are only {len(WORDS)}, are in both; about one evaluation utterance in twenty is one.
"""


def _abilities() -> str:
    return f"""## What it can do

* It hears and says sequences of one to {MAX_WORDS} of these words: {", ".join(WORDS)}.
* It speaks in the voices {_names(SPEAKING)}. Those built into gpa-mlx are {", ".join(BUILT_IN)}.
* It converts recordings of these words to those voices.

## What it cannot do

* Other words or any other language: it writes and says its {len(WORDS)} words whatever it is given.
* Longer sequences in one go: `gpa-mlx speak` gives it longer texts in pieces, and what it hears should have pauses.
* It was never measured on human speech, and was not trained on any.
* It does not copy a voice it was not trained to speak with: it answers with some mixture of those it knows.
* Its sound is that of a tiny codec at 16 kHz.
* It is not for any use in which an error matters.
"""


def _results(scores: DemoScores) -> str:
    silence, speak, conversion = scores.stt_non_speech, scores.speak, scores.conversion
    against = _table(
        ("what", "target", "measured", ""),
        (
            (item.name, f"{item.sense} {_value(item, item.bound)}", _value(item, item.figure), _VERDICTS[item.met])
            for item in targets(scores)
        ),
    )
    held_out = "".join(
        f"| held-out voice {voice} | {_errors(errors)} |\n" for voice, errors in scores.stt_held_out_by_voice.items()
    )
    spoken = "".join(f"| spoken as {voice} | {_errors(errors)} |\n" for voice, errors in speak.by_voice.items())
    return f"""## How good it is

Measured through `gpa_mlx.load` with default options (seed {scores.seed}), on sequences that no voice said in training,
single words aside. Word errors are insertions, deletions and substitutions per word said.

{against}
| said by | word errors |
|---|---|
| trained voices | {_errors(scores.stt_trained)} |
| trained voices, noise at 10 dB | {_errors(scores.stt_noisy)} |
| held-out voices ({_names(HELD_OUT)}) | {_errors(scores.stt_held_out)} |
{held_out}| its own speech, all speaking voices | {_errors(speak.overall)} |
| its own speech, built-in voices | {_errors(speak.built_in)} |
{spoken}| converted speech | {_errors(conversion.words)} |

* Silence and noise: {silence.empty} of {silence.recordings} recordings give no text; {silence.empty_without_vad} when
  voice activity detection is off and the model alone decides.
* {_judged(scores)}
* Voice conversion: {_percent(conversion.closer)} of the outputs are closer to the target voice than to the source. By
  median pitch, judged where the two differ by more than two semitones ({conversion.pitch_pairs} outputs):
  {_percent(conversion.pitch_closer)}; by long-term cepstrum: {_percent(conversion.timbre_closer)}; by the model's own
  speaker codes: {_percent(conversion.codes_closer)}. By target voice: {_shares(conversion.closer_by_target)}.
  An output without a clear pitch, as the small wave generator gives the lowest voices, counts as not closer.
* No speech at all came out for {speak.without_speech} texts and {conversion.without_speech} conversions; their words
  count as errors.
"""


def _judged(scores: DemoScores) -> str:
    return "\n* ".join(_judged_by(name, scores.judges.get(name)) for name in JUDGES)


def _judged_by(name: str, scores: JudgeScores | None) -> str:
    if scores is None:
        return f"Independent recogniser: not measured, {name} was not installed."
    return f"""{name}, which has nothing to do with the model, {scores.conditions}, makes
  {_errors(scores.spoken)} in the model's speech and
  {_errors(scores.original)} in the synthesiser's own, same words and voices;
  {scores.limits}."""


def _licences() -> str:
    return """## Licences

The weights are under the Apache License 2.0, as gpa-mlx. The training data was made with espeak-ng, a program under
GPLv3 or later, whose output is not covered by its licence, and with flite and its voices, which are under BSD-like
licences. Neither program nor any of their data is part of this model.
"""


def _reproduction() -> str:
    return """## How to make it again

```sh
sudo apt install espeak-ng flite          # macOS: brew install espeak-ng flite
gpa-mlx train demo --out DIR              # data, training, this card; resumable, four and a half hours on two cores
gpa-mlx model verify DIR/gpa-mlx-demo
```

`scores.json` beside this file has every figure, and all settings of the data and the training.

```sh
gpa-mlx transcribe FILE.wav --model DIR/gpa-mlx-demo
gpa-mlx speak "three two one go" --voice VOICE.wav --model DIR/gpa-mlx-demo -o OUT.wav
gpa-mlx vc FILE.wav --voice VOICE.wav --model DIR/gpa-mlx-demo -o OUT.wav
```
"""


def _shares(by_voice: Mapping[str, float]) -> str:
    return ", ".join(f"{voice} {100 * share:.0f} %" for voice, share in by_voice.items())


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _names(voices: Iterable[VoiceSpec]) -> str:
    return ", ".join(voice.name for voice in voices)


def _value(target: Target, value: float | None) -> str:
    if target.unit == "bytes" and value is not None:
        return f"{value / 1e6:.2f} MB"
    return _percent(value)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _errors(errors: WordErrors) -> str:
    return f"{_percent(errors.rate)} ({errors.words} words, {errors.utterances} utterances)"
