"""The two synthesisers, run as programs: text in, 16 kHz samples out."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import soundfile
import soxr

from gpa_mlx.errors import GPAError
from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.recipes.demo.data.synthetic_voices import EspeakVoice, FliteVoice

_TIMEOUT_S = 30.0
_PAUSE = "pau"


class TimedPhone(NamedTuple):
    """A phone and where it lies in the audio, in seconds."""

    phone: str
    start_s: float
    end_s: float


def require_engines() -> None:
    """Check that both synthesisers can be run.

    Raises:
        GPAError: One is not installed.
    """
    for program in ("espeak-ng", "flite"):
        if shutil.which(program) is None:
            raise _missing(program)


def speak_with_espeak(voice: EspeakVoice, text: str, *, tempo: float = 1.0) -> Waveform:
    """Say a text with espeak-ng.

    Args:
        voice: Who speaks.
        text: What.
        tempo: Factor on the voice's speed.

    Returns:
        `(samples,)` float32 at 16 kHz, as the engine gives it: silence around the speech, any loudness.

    Raises:
        GPAError: espeak-ng is not installed, lacks the variant, or fails.
    """
    if voice.variant not in _espeak_variants():
        # Asked for a variant it does not have, espeak-ng would quietly speak without one.
        raise GPAError(
            f"This espeak-ng has no voice variant {voice.variant!r}.", hint="Install a complete espeak-ng >= 1.51."
        )
    speed = round(voice.words_per_minute * tempo)
    options = ["-z", "-v", f"en-us+{voice.variant}", "-p", str(voice.pitch), "-s", str(speed)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "speech.wav"
        run_engine(["espeak-ng", *options, "-w", str(file), text])
        return _read(file)


def speak_with_flite(voice: FliteVoice, text: str, *, tempo: float = 1.0) -> tuple[Waveform, list[TimedPhone]]:
    """Say a text with flite.

    Args:
        voice: Who speaks.
        text: What.
        tempo: Factor on the voice's speed.

    Returns:
        `(samples,)` float32 at 16 kHz, as the engine gives it, and the exact phone times (pauses left out).

    Raises:
        GPAError: flite is not installed or fails.
    """
    options = ["-voice", voice.speaker, "-psdur", "--setf", f"duration_stretch={voice.stretch / tempo}"]
    if voice.pitch_hz is not None:
        options += ["--setf", f"int_f0_target_mean={voice.pitch_hz}"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "speech.wav"
        listing = run_engine(["flite", *options, "-t", text, "-o", str(file)])
        wave = _read(file, resampling=voice.resampling)
    phones, start_s = [], 0.0
    for item in listing.split():
        phone, _, end = item.partition(":")
        end_s = float(end) / voice.resampling
        if phone != _PAUSE:
            phones.append(TimedPhone(phone, start_s, end_s))
        start_s = end_s
    return wave, phones


@cache
def _espeak_variants() -> frozenset[str]:
    listing = run_engine(["espeak-ng", "--voices=variant"])
    return frozenset(re.findall(r"!v/(.+?)\s*(?:\(.*)?$", listing, re.MULTILINE))


def _read(file: Path, *, resampling: float = 1.0) -> Waveform:
    samples, rate_hz = soundfile.read(file, dtype="float32")
    if rate_hz * resampling != SAMPLE_RATE_HZ:
        samples = soxr.resample(samples, rate_hz * resampling, SAMPLE_RATE_HZ)
    return np.asarray(samples, dtype=np.float32)


def run_engine(command: Sequence[str]) -> str:
    """Run a synthesiser's program and return what it writes to its standard output.

    Raises:
        GPAError: It is not installed, fails, or does not finish.
    """
    program = command[0]
    try:
        result = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
    except FileNotFoundError as error:
        raise _missing(program) from error
    except subprocess.TimeoutExpired as error:
        raise GPAError(
            f"{program} did not finish within {_TIMEOUT_S:g} s.", hint=f"Try `{program} --version`."
        ) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or [f"exit status {error.returncode}"]
        raise GPAError(f"{program} failed: {said[-1]}.", hint=f"Try `{program} --version`.") from error
    return result.stdout


def _missing(program: str) -> GPAError:
    return GPAError(
        f"{program} is not installed; the demo model's training data is made with it.",
        hint="Install it with `sudo apt install espeak-ng flite` (Debian, Ubuntu) or `brew install espeak-ng flite`.",
    )
