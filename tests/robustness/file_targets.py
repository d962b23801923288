"""Binary files: recordings and weights."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from functools import cache
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import soundfile

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.audio.files.wav_info import append_info, read_wav
from gpa_mlx.store.safetensors_header import read_safetensors_header
from gpa_mlx_convert.checkpoint import SafetensorsFile, open_checkpoint
from gpa_mlx_convert.torch_pickle import read_state_dict
from gpa_mlx_convert.torch_zip import TorchZipFile
from tests.robustness.mutator import either, mutated_bytes, mutated_json
from tests.robustness.target import Target
from tests.unit.convert.conftest import dict_pickle, safetensors_bytes, tensor_pickle

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from tests.robustness.target import Run

_SOUNDS = (
    *(
        ("WAV", subtype)
        for subtype in ("PCM_16", "PCM_U8", "PCM_24", "FLOAT", "ULAW", "MS_ADPCM", "IMA_ADPCM", "GSM610")
    ),
    *(("WAVEX", "PCM_16"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "PCM_16")),
    *(("CAF", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")),
)
_SOUND_WORDS = (
    b"RIFF",
    b"WAVE",
    b"fmt ",
    b"data",
    b"LIST",
    b"INFO",
    b"fact",
    b"fLaC",
    b"OggS",
    b"OpusHead",
    b"ID3\x04",
)
_PICKLE_WORDS = (
    *(b"cos\nsystem\n", b"ctorch\nFloatStorage\n", b"ccollections\nOrderedDict\n", b"(", b")", b"}", b"R", b"Q", b"."),
    *(b"t", b"u", b"s", b"b", b"\x94", b"h\x00", b"q\x00", b"\x85", b"\x86", b"\x87", b"\x93", b"\x89", b"N", b"K\x05"),
    *(
        b"\x8a\xff" + b"\xff" * 255,
        b"J\xff\xff\xff\xff",
        b"I01\n",
        b"I" + b"9" * 5000 + b"\n",
        b"V\\ud800\n",
        b"G\x7f\xf0",
    ),
    *(b"X\xff\xff\xff\x7f", b"X\x01\x00\x00\x00a", b"iposix\nsystem\n", b"\x95\xff\xff\xff\xff\xff\xff\xff\x7f"),
)
_DTYPES = ("F64", "F32", "F16", "BF16", "I64", "I8", "U8", "BOOL", "F8_E4M3", "f32")


@cache
def _sounds() -> list[bytes]:
    wave = np.sin(np.arange(400) / 7).astype(np.float32)
    made = []
    for number, (form, subtype) in enumerate(_SOUNDS):
        buffer = io.BytesIO()
        samples = wave if number % 3 else np.stack([wave, wave / 2], axis=1)
        soundfile.write(buffer, samples, 16_000 if number % 2 else 48_000, format=form, subtype=subtype)
        made.append(buffer.getvalue())
    return made


def _sound(draw: Random) -> bytes:
    return mutated_bytes(_sounds(), _SOUND_WORDS)(draw)


def _wav(draw: Random) -> bytes:
    return mutated_bytes(_sounds()[:10], _SOUND_WORDS)(draw)


def _load_sound(folder: Path) -> Run:
    file = folder / "sound.wav"

    def run(content: bytes) -> None:
        file.write_bytes(content)
        with patch.dict(os.environ, PATH=""):  # ffmpeg has its own fuzzers, and a process for each case is slow
            recording = load_recording(file, max_duration_s=60)
        assert len(recording)
        assert np.isfinite(recording.first_channel).all()

    return run


def _read_wav(folder: Path) -> Run:
    file = folder / "sound.wav"

    def run(content: bytes) -> None:
        file.write_bytes(content)
        before = read_wav(file)
        append_info(file, {"ISFT": "é", "ICMT": "comment"})
        after = read_wav(file)
        if "INFO" not in before.chunks and len(before.chunks) < 900:
            assert (after.data_sha256, after.frames) == (before.data_sha256, before.frames)

    return run


_TENSORS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.arange(4, dtype=np.int64),
    "c": np.float16(1.5).reshape(()),
    "wav2vec2.d.parametrizations.weight.original0": np.ones((1, 2, 1), np.float64),
}
_SAFETENSORS = [safetensors_bytes(_TENSORS), safetensors_bytes({"x": np.zeros((0, 3), np.int32)})]


def _safetensors(draw: Random) -> bytes:
    """A header with changes, of the right length, before data of perhaps the right length."""
    size = int.from_bytes(_SAFETENSORS[0][:8], "little")
    header = mutated_json([json.loads(_SAFETENSORS[0][8 : 8 + size])], (*_DTYPES, [2, 3], [0, 24], [24, 56]))(draw)
    return struct.pack("<Q", len(header)) + header + _SAFETENSORS[0][8 + size :]


def _read_safetensors(folder: Path) -> Run:
    file = folder / "model.safetensors"

    def run(content: bytes) -> None:
        file.write_bytes(content)
        infos = read_safetensors_header(file)
        tensors = SafetensorsFile(file)
        for name in infos:
            assert tensors.read(name).shape == infos[name].shape
        open_checkpoint(file)

    return run


_INDEX = {
    "metadata": {"total_size": 72},
    "weight_map": {"a": "one.safetensors", "b": "one.safetensors", "c": "two.bin"},
}


def _read_index(folder: Path) -> Run:
    (folder / "one.safetensors").write_bytes(safetensors_bytes({"a": _TENSORS["a"], "b": _TENSORS["b"]}))
    (folder / "two.bin").write_bytes(_torch_zip(_PICKLES[0]))
    file = folder / "model.safetensors.index.json"

    def run(content: bytes) -> None:
        file.write_bytes(content)
        open_checkpoint(file)

    return run


_PICKLES = [
    dict_pickle({"c": tensor_pickle("0", "F32", 6, (2, 3))}),
    dict_pickle({"a": tensor_pickle("0", "F32", 6, (2, 3), parameter=True), "b": tensor_pickle("1", "I64", 4, (4,))}),
    dict_pickle(
        {"a": tensor_pickle("0", "F32", 6, (2, 2), offset=1, stride=(3, 1)), "e": tensor_pickle("1", "I64", 4, ())}
    ),
]
_RECORDS = {"0": np.arange(6, dtype=np.float32).tobytes(), "1": np.arange(4, dtype=np.int64).tobytes()}
_pickle = mutated_bytes(_PICKLES, _PICKLE_WORDS)


def _torch_zip(pickled: bytes, draw: Random | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", b"little")
        for key, raw in _RECORDS.items():
            content = raw if draw is None or draw.random() < 0.9 else raw[: draw.randrange(len(raw))]
            archive.writestr(f"archive/data/{key}", content)
    return buffer.getvalue()


def _repacked(draw: Random) -> bytes:
    """A sound archive of a damaged pickle."""
    return _torch_zip(_pickle(draw), draw)


_zip = mutated_bytes(
    [_torch_zip(pickled) for pickled in _PICKLES], (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x07")
)


def _read_pickle(folder: Path) -> Run:
    return lambda content: read_state_dict(content, "weights.bin")


def _read_torch(folder: Path) -> Run:
    file = folder / "pytorch_model.bin"

    def run(content: bytes) -> None:
        file.write_bytes(content)
        weights = TorchZipFile(file)
        for name in weights.names():
            assert weights.read(name).shape == weights.shape(name)

    return run


FILE_TARGETS = (
    Target("audio", _sound, _load_sound, 26),
    Target("wav-info", _wav, _read_wav, 26),
    Target("safetensors", either(_safetensors, _safetensors, mutated_bytes(_SAFETENSORS)), _read_safetensors, 44),
    Target("index", mutated_json([_INDEX], ("two.bin", "one.safetensors", "../one.safetensors")), _read_index, 18),
    Target("pickle", _pickle, _read_pickle, 176),
    Target("torch-zip", either(_repacked, _zip), _read_torch, 18),
)
