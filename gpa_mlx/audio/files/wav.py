"""WAV files, written whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile

from gpa_mlx.errors import AudioFileError, SettingsError
from gpa_mlx.store.files import real_target, replace_file

PathLike: TypeAlias = str | os.PathLike[str]

WAV_SUBTYPES = tuple(soundfile.available_subtypes("WAV"))
"""Sample formats of WAV files, as libsndfile spells them: `PCM_16`, `PCM_24`, `FLOAT`, ..."""

_FLOAT_SUBTYPES = ("FLOAT", "DOUBLE")


def write_wav(
    path: PathLike,
    samples: npt.NDArray[np.floating],
    rate: int,
    *,
    subtype: str = "PCM_16",
    like: Path | None = None,
) -> None:
    """Write a WAV file atomically: after any failure the old file, or none, is there.

    Args:
        path: The file; an existing one is replaced, a symbolic link is followed.
        samples: `(samples,)` or `(samples, channels)`, float32 or float64. Integer formats clip to [-1, 1].
        rate: Samples per second.
        subtype: One of `WAV_SUBTYPES`.
        like: A file that a new one is as private as.

    Raises:
        SettingsError: An unknown subtype.
        AudioFileError: The samples are not finite, the subtype cannot hold them at this rate, or nothing can be
            written there.
    """
    if subtype not in WAV_SUBTYPES:
        raise SettingsError(
            f"'{subtype}' is not a sample format of WAV files.", hint=f"Choose one of {', '.join(WAV_SUBTYPES)}."
        )
    if not np.isfinite(samples).all():
        raise AudioFileError(f"{path} is not written: its samples are not finite.", hint="Produce the audio again.")
    target = target_of(path)
    if target.exists() and not target.is_file():
        raise AudioFileError(f"{path} is not a regular file.", hint="Give the name of a WAV file.")
    _replace(path, target, _encode(path, samples, rate, subtype), like)


def target_of(path: PathLike) -> Path:
    """Return the file that an output's path leads to.

    Raises:
        AudioFileError: It may not be followed; see `real_target`.
    """
    try:
        return real_target(path)
    except OSError as error:
        raise AudioFileError(
            f"{path} cannot be written: {error.strerror}.", hint="Choose another place for the output."
        ) from error


def _encode(path: PathLike, samples: npt.NDArray[np.floating], rate: int, subtype: str) -> io.BytesIO:
    """Encode in memory, so that every failure to write is an `OSError` that says why."""
    if subtype not in _FLOAT_SUBTYPES:
        # libsndfile clips linear PCM by itself, but indexes a table with the unclipped value for U-law and A-law.
        samples = np.clip(samples, -1.0, 1.0)
    buffer = io.BytesIO()
    try:
        soundfile.write(buffer, samples, rate, format="WAV", subtype=subtype)
    except soundfile.LibsndfileError as error:
        raise AudioFileError(
            f"{path} cannot be written as {subtype}: {error.error_string}", hint="Choose another subtype."
        ) from error
    return buffer


def _replace(path: PathLike, target: Path, content: io.BytesIO, like: Path | None) -> None:
    try:
        replace_file(target, content.getbuffer(), like=like)
    except OSError as error:
        raise AudioFileError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Choose another place for the output."
        ) from error
