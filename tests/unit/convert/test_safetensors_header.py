"""The header reader refuses everything that is not a legal safetensors file, with the file and key named."""

from __future__ import annotations

import contextlib
import json
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx.store.safetensors_header import TensorInfo, read_safetensors_header
from tests.support.examples import examples

if TYPE_CHECKING:
    from pathlib import Path

F32_AT = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def write(path: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def test_reads_what_mlx_and_the_format_agree_on(tmp_path, checkpoints):
    arrays = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.arange(3), "scalar": np.float32(1)}
    path = checkpoints.save_safetensors(tmp_path / "x.safetensors", {k: np.asarray(v) for k, v in arrays.items()})
    infos = read_safetensors_header(path)
    assert list(infos) == ["b", "a", "scalar"]
    assert infos["b"].shape == (2, 3)
    assert infos["a"].dtype == "I64"
    assert infos["scalar"].shape == ()
    raw = path.read_bytes()
    info = infos["b"]
    assert isinstance(info, TensorInfo)
    np.testing.assert_array_equal(np.frombuffer(raw[info.start : info.end], np.float32), np.arange(6))


def test_metadata_and_padding_are_legal(tmp_path):
    header = json.dumps({"__metadata__": {"format": "pt"}, "w": F32_AT}).encode() + b"   "
    assert list(read_safetensors_header(write(tmp_path / "x", header, b"\0" * 8))) == ["w"]


def test_golden_files_are_legal(small_a):
    for name, count in (("model.safetensors", 35), ("BiCodec/model.safetensors", 624)):
        assert len(read_safetensors_header(small_a / name)) == count


@pytest.mark.parametrize(
    ("header", "data", "said"),
    [
        (b"[1]", b"", "not a JSON object"),
        (b"{", b"", "not JSON"),
        (b"\xff\xfe", b"", "not JSON"),
        (b'{"w":1,"w":2}', b"", "'w' occurs twice"),
        (b"[" * 50_000, b"", "not JSON"),
        ({"w": 3}, b"", "'w' must have exactly"),
        ({"w": {**F32_AT, "more": 1}}, b"\0" * 8, "'w' must have exactly"),
        ({"w": {**F32_AT, "dtype": "F8_E4M3"}}, b"\0" * 8, "unknown dtype 'F8_E4M3'"),
        ({"w": {**F32_AT, "dtype": ["F32"]}}, b"\0" * 8, "unknown dtype"),
        ({"w": {**F32_AT, "shape": [-2]}}, b"\0" * 8, "'w' has an illegal shape"),
        ({"w": {**F32_AT, "shape": [True, 2]}}, b"\0" * 8, "'w' has an illegal shape"),
        ({"w": {**F32_AT, "shape": [2.0]}}, b"\0" * 8, "'w' has an illegal shape"),
        ({"w": {**F32_AT, "shape": [1] * 9}}, b"\0" * 8, "'w' has an illegal shape"),
        ({"w": {**F32_AT, "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}}, b"", "'w' has an illegal shape"),
        ({"w": {**F32_AT, "data_offsets": [8, 0]}}, b"\0" * 8, "'w' has illegal data_offsets"),
        ({"w": {**F32_AT, "data_offsets": [0, 8, 9]}}, b"\0" * 8, "'w' has illegal data_offsets"),
        ({"w": {**F32_AT, "shape": [3]}}, b"\0" * 8, "needs 12 bytes, not 8"),
        ({"w": {**F32_AT, "data_offsets": [0, 7]}}, b"\0" * 7, "needs 8 bytes, not 7"),
        ({"w": {**F32_AT, "data_offsets": [4, 12]}}, b"\0" * 12, "'w' leaves a hole"),
        ({"w": F32_AT, "v": {**F32_AT, "data_offsets": [4, 12]}}, b"\0" * 12, "'v' overlaps"),
        ({"w": F32_AT, "v": F32_AT}, b"\0" * 8, "overlaps"),
        ({"w": F32_AT}, b"\0" * 7, "'w' ends at byte"),
        ({"w": F32_AT}, b"\0" * 9, "1 bytes at its end belong to no tensor"),
    ],
)
def test_illegal_headers_are_refused(tmp_path, header, data, said):
    path = write(tmp_path / "bad.safetensors", header, data)
    with pytest.raises(ModelFormatError) as caught:
        read_safetensors_header(path)
    assert str(path) in caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize("size", [0, 3, 8, 20])
def test_truncated_before_the_data(tmp_path, checkpoints, size):
    path = tmp_path / "x.safetensors"
    path.write_bytes(checkpoints.safetensors_bytes({"w": np.zeros(2, np.float32)})[:size])
    with pytest.raises(ModelFormatError, match="truncated"):
        read_safetensors_header(path)


def test_a_header_beyond_the_limit_is_not_read(tmp_path):
    path = tmp_path / "big.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 100_000_001))
        file.truncate(200_000_000)  # sparse
    with pytest.raises(ModelFormatError, match="100000001 bytes"):
        read_safetensors_header(path)


def test_missing_file_and_directory(tmp_path):
    with pytest.raises(ModelNotFoundError, match=r"none\.safetensors"):
        read_safetensors_header(tmp_path / "none.safetensors")
    with pytest.raises(ModelFormatError, match="cannot be read"):
        read_safetensors_header(tmp_path)


@examples(200)
@given(data=st.data())
def test_damage_never_raises_anything_else(tmp_path_factory, checkpoints, data):
    arrays = {"layer.0.w": np.ones((2, 3), np.float32), "layer.0.b": np.zeros(4), "n": np.arange(2)}
    raw = bytearray(checkpoints.safetensors_bytes(arrays))
    for position in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[position] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw
    path = tmp_path_factory.getbasetemp() / "mutated.safetensors"
    path.write_bytes(raw)
    with contextlib.suppress(ModelFormatError):
        infos = read_safetensors_header(path)
        # whatever is accepted tiles the file
        assert max(info.end for info in infos.values()) == len(raw)


@given(raw=st.binary(max_size=300))
def test_any_bytes_as_a_header(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "noise.safetensors"
    path.write_bytes(struct.pack("<Q", len(raw)) + raw)
    with contextlib.suppress(ModelFormatError):
        read_safetensors_header(path)
