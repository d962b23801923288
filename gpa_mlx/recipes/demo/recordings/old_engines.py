"""Phrases said by flite and espeak-ng: many voices at no cost, words of the domain and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.recipes.demo.data.synthetic_voices import RECOGNISED, EspeakVoice, FliteVoice
from gpa_mlx.recipes.demo.data.tts_engines import require_engines, speak_with_espeak, speak_with_flite
from gpa_mlx.recipes.demo.data.utterances import as_int16
from gpa_mlx.recipes.demo.domain.lexicon import spelling
from gpa_mlx.recipes.demo.domain.phrases import draw_phrase
from gpa_mlx.recipes.demo.recordings.recording import Recording
from gpa_mlx.recipes.demo.recordings.store import RecordingStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORIGIN = "old engines"

_SEED = 30
_PER_SHARD = 200
_TEMPI = (0.85, 1.25)
_OTHER_SHARE = 0.12
_LOUDNESS = 0.08

_OTHER_WORDS = """
about above after air all animal any apple ask bad bag ball bank bath beach because bed before begin believe below big
bird black blue boat body book bottle box boy bread bridge bring brother brown build bus business buy call camera car
cat catch chair change child city class clean close cloud coat coffee cold colour come computer cook corner country
cup dance dark daughter day dear deep desk dinner doctor dog door dream dress drink drive dry early earth easy egg
empty end evening every eye face fall family far farm fast father feel field film find finger fire fish floor flower
fly food foot forest forget friend fruit full game garden girl give glass gold grass great green ground group hair
hand happy hard have head hear heart heavy help high hill history home horse hospital hotel house idea island job jump
keep key kind king kitchen lake language large last late laugh learn leg letter life light like line listen little
live long look love lunch machine make man map market matter meat meet milk money month moon mother mountain mouth
move music name near need never new newspaper night noise north nose nothing number ocean office often old open orange
other page paint paper park party pen people picture piece place plant play police poor pretty problem pull push
question quick quiet rain read ready red rest rice rich ride ring river road rock room round run sad salt sand school
sea seat see sell send shape sheep shirt shoe shop short shoulder show sick silver simple sing sister sit skin sky
sleep slow small smile snow soap some son song sound south space speak spring square stand star station stone story
street strong sugar summer sun sweet swim table talk tall teacher tell test thing think ticket tired tomorrow tooth
touch town train travel tree trouble true under uncle use village visit voice wait walk wall want warm watch water
wave way weather week west what where white wide wife wind window wine winter woman wood word work yellow yesterday
young zebra follow backward forward marvin sheila visual wow
"""


def record_old_engines(
    folder: Path, count: int, *, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Record the first phrases of an endless plan, those that are not on disk yet.

    Args:
        folder: Of the shards.
        count: How many phrases; a started shard is made whole.
        on_progress: Told after each shard how many of how many are there.

    Raises:
        GPAError: An engine is missing or fails.
    """
    store = RecordingStore(folder)
    for shard, first in enumerate(range(0, count, _PER_SHARD)):
        if not store.has(shard):
            require_engines()
            store.write(shard, [_record(number) for number in range(first, first + _PER_SHARD)], [])
        on_progress(min(first + _PER_SHARD, count), count)


def _record(number: int) -> Recording:
    rng = np.random.default_rng((_SEED, number))
    voice = RECOGNISED[int(rng.integers(len(RECOGNISED)))]
    tempo = round(float(np.exp(rng.uniform(*np.log(_TEMPI)))), 2)
    if rng.random() < _OTHER_SHARE:
        others = _OTHER_WORDS.split()
        words = [others[int(rng.integers(len(others)))] for _ in range(int(rng.integers(1, 5)))]
        return _recording(" ".join(words), (), voice, tempo)
    phrase = draw_phrase("train", rng)
    text = ", ".join(" ".join(map(spelling, group)) for group in phrase.groups)
    return _recording(text, phrase.groups, voice, tempo)


def _recording(
    text: str, groups: tuple[tuple[str, ...], ...], voice: EspeakVoice | FliteVoice, tempo: float
) -> Recording:
    if isinstance(voice, FliteVoice):
        wave, _ = speak_with_flite(voice, text, tempo=tempo)
    else:
        wave = speak_with_espeak(voice, text, tempo=tempo)
    level = float(np.sqrt(np.square(wave, dtype=np.float64).mean()))
    return Recording(
        samples=as_int16(wave * np.float32(_LOUDNESS / max(level, 1e-6))),
        groups=groups,
        voice=voice.name,
        origin=ORIGIN,
    )
