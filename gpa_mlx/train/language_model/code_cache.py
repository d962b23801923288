"""Cache of audio tokens on disk."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.audio.recording import Recording, require_min_length
from gpa_mlx.errors import InputTooLongError
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.store.manifest import Manifest, sha256_of
from gpa_mlx.tokenizers.bicodec import bicodec_waveform
from gpa_mlx.types import SAMPLE_RATE_HZ, Codes

CodeKind: TypeAlias = Literal["glm", "semantic", "global"]

MAX_RECORDING_S = 60.0
"""Longest training recording: attention over it needs memory in the square of its length."""

_TOKENIZER_FOLDERS = ("glm_tokenizer/", "wav2vec2/", "bicodec/")


class TokenCache:
    """Codes by content of the audio file and by tokenizers, so that neither a moved file nor a new run costs anything.

    Args:
        directory: Where the codes lie; created when missing.
        parts: The model whose tokenizers are used.
    """

    def __init__(self, directory: Path, parts: GPAModel) -> None:
        self._parts = parts
        self._directory = directory / f"{parts.manifest.model_family}-{_fingerprint(parts.manifest)}"
        self._checksums: dict[Path, str] = {}

    def codes(self, audio: Path, kind: CodeKind) -> Codes:
        """Return the codes of a recording, int32.

        Raises:
            AudioFileError: The recording cannot be used.
            InputTooLongError: More than 60 s, for GLM codes more than the tokenizer's 30 s.
        """
        path = self._path(audio, kind)
        stored = _read(path)
        if stored is not None:
            return stored
        codes = self._compute(load_recording(audio, max_duration_s=MAX_RECORDING_S, channels="speech"), audio, kind)
        _write(path, codes)
        return codes

    def _compute(self, recording: Recording, audio: Path, kind: CodeKind) -> Codes:
        require_min_length(recording, str(audio))
        if kind == "glm":
            limit = self._parts.glm.max_samples
            if len(recording) > limit:
                raise InputTooLongError(
                    f"{audio} is {recording.duration_s:.1f} s long; stt takes {limit / SAMPLE_RATE_HZ:.0f} s.",
                    hint="Cut it into shorter pieces.",
                )
            return self._parts.glm.encode(recording.channel_mean.astype(np.float32))
        wave = bicodec_waveform(recording.first_channel, self._parts.bicodec_args)
        tokenizer = self._parts.semantic if kind == "semantic" else self._parts.speaker
        return tokenizer.encode(wave)

    def _path(self, audio: Path, kind: CodeKind) -> Path:
        if audio not in self._checksums:
            self._checksums[audio] = sha256_of(audio)
        checksum = self._checksums[audio]
        return self._directory / checksum[:2] / f"{checksum}.{kind}.npy"


def _fingerprint(manifest: Manifest) -> str:
    """Name the tokenizers by their files: models that share them share their codes."""
    names = (name for name in sorted(manifest.files) if name.startswith(_TOKENIZER_FOLDERS))
    digest = hashlib.sha256("".join(manifest.files[name].sha256 for name in names).encode())
    return digest.hexdigest()[:12]


def _read(path: Path) -> Codes | None:
    """Return stored codes; None when they are absent or damaged, so that they are made again."""
    try:
        codes = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return codes if isinstance(codes, np.ndarray) and codes.dtype == np.int32 and codes.ndim == 1 else None


def _write(path: Path, codes: Codes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.npy")
    try:
        np.save(partial, np.asarray(codes, dtype=np.int32))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
