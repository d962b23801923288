"""Torch zip files are read without torch, and a hostile one gets nothing executed."""

from __future__ import annotations

import builtins
import contextlib
import functools
import io
import operator
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.errors import ModelFormatError
from gpa_mlx_convert.torch_zip import TorchZipFile
from tests.support.examples import examples

ARRAY = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def read_all(path):
    file = TorchZipFile(path)
    return {name: file.read(name) for name in file.names()}


# What a good file holds -----------------------------------------------------------------------------------------


def test_tensors_come_back_by_name_shape_and_dtype(tmp_path, checkpoints):
    arrays = {
        "a.weight": ARRAY,
        "half": np.array([1.5, -2], np.float16),
        "double": np.array([[np.pi]]),
        "steps": np.array(7),
        "mask": np.array([True, False]),
    }
    path = checkpoints.save_zip(tmp_path / "x.bin", arrays)
    file = TorchZipFile(path)
    assert file.names() == tuple(arrays)
    assert file.shape("a.weight") == (2, 3, 4)
    assert file.dtype("half") == "F16"
    for name, array in arrays.items():
        read = file.read(name)
        assert read.shape == array.shape
        assert read.dtype == (np.float32 if array.dtype.kind == "f" else array.dtype)
        np.testing.assert_array_equal(read, array.astype(read.dtype))


def test_parameters_and_bfloat16(tmp_path, checkpoints):
    assert (read_all(checkpoints.save_zip(tmp_path / "p.bin", {"w": ARRAY}, parameter=True))["w"] == ARRAY).all()
    pickled = checkpoints.dict_pickle({"w": checkpoints.tensor_pickle("0", "BF16", 24, (24,))})
    path = checkpoints.zip_file(tmp_path / "b.bin", pickled, {"0": checkpoints.bfloat16(ARRAY).tobytes()})
    np.testing.assert_array_equal(read_all(path)["w"], ARRAY.ravel())  # small integers are exact in bfloat16


def test_views_follow_offset_and_strides(tmp_path, checkpoints):
    views = {
        "transposed": checkpoints.tensor_pickle("0", "F32", 24, (4, 2), stride=(1, 4), offset=8),
        "every_second": checkpoints.tensor_pickle("0", "F32", 24, (12,), stride=(2,)),
        "one": checkpoints.tensor_pickle("0", "F32", 24, (1, 1), stride=(99, 7), offset=23),
        "none": checkpoints.tensor_pickle("0", "F32", 24, (0, 4), offset=24),
    }
    path = checkpoints.zip_file(tmp_path / "x.bin", checkpoints.dict_pickle(views), {"0": ARRAY.tobytes()})
    read = read_all(path)
    flat = ARRAY.ravel()
    np.testing.assert_array_equal(read["transposed"], flat[8:16].reshape(2, 4).T)
    np.testing.assert_array_equal(read["every_second"], flat[::2])
    np.testing.assert_array_equal(read["one"], [[23]])
    assert read["none"].shape == (0, 4)
    assert all(array.flags.c_contiguous for array in read.values())


def test_golden_file_equals_torch(small_a):
    torch = pytest.importorskip("torch")
    path = small_a / "BiCodec/wav2vec2-large-xlsr-53/pytorch_model.bin"
    expected = torch.load(path, weights_only=True)
    read = read_all(path)
    assert read.keys() == expected.keys()
    assert len(read) > 200
    for name, tensor in expected.items():
        np.testing.assert_array_equal(read[name], tensor.numpy(), err_msg=name)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_files_of_torch_itself(tmp_path, protocol):
    torch = pytest.importorskip("torch")
    layer = torch.nn.Conv1d(4, 6, 3)
    layer.register_buffer("steps", torch.tensor([2**40]))
    shared = torch.arange(12, dtype=torch.float64)
    state = layer.state_dict()  # an OrderedDict with a _metadata attribute
    state["view"] = shared.reshape(3, 4).T
    state["tail"] = shared[5:]
    state["bf16"] = torch.tensor([1.0, -3.5], dtype=torch.bfloat16)
    state["parameter"] = torch.nn.Parameter(torch.ones(2, 2))
    path = tmp_path / "x.bin"
    torch.save(state, path, pickle_protocol=protocol)
    read = read_all(path)
    assert read.keys() == state.keys()
    for name, tensor in state.items():
        values = tensor.detach()
        np.testing.assert_array_equal(read[name], (values.float() if values.is_floating_point() else values).numpy())


# What a hostile or damaged file holds ---------------------------------------------------------------------------


class Payload:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self._call = (function, arguments)

    def __reduce__(self):
        return self._call


def with_pickle(path, pickled):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", pickled)
        archive.writestr("x/data/0", ARRAY.tobytes())
    return path


def assert_refused(path, *said):
    with pytest.raises(ModelFormatError) as caught:
        TorchZipFile(path)
    for text in (str(path), *said):
        assert text in caught.value.message


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_os_system_is_named_and_not_run(tmp_path, protocol):
    marker = tmp_path / "marker"
    pickled = pickle.dumps({"w": Payload(os.system, f"touch {marker}")}, protocol=protocol)
    path = with_pickle(tmp_path / "x.bin", pickled)
    assert_refused(path, f"{os.name}.system", "nothing was executed")
    assert not marker.exists()
    pickle.loads(pickled)  # the payload is live: a plain unpickler runs it
    assert marker.exists()


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (lambda marker: Payload(eval, f"open({str(marker)!r}, 'w')"), "eval"),
        (lambda marker: Payload(exec, f"open({str(marker)!r}, 'w')"), "exec"),
        (lambda marker: Payload(open, str(marker), "w"), ".open"),
        (lambda marker: Payload(getattr, Payload(__import__, "os"), "system"), "getattr"),
        (lambda marker: Payload(functools.partial, open, str(marker), "w"), "partial"),
        (lambda marker: Payload(operator.attrgetter, "system"), "attrgetter"),
        (lambda marker: builtins.open, ".open"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_other_globals_are_named_and_not_run(tmp_path, payload, name, protocol):
    marker = tmp_path / "marker"
    pickled = pickle.dumps({"w": payload(marker)}, protocol=protocol)
    assert_refused(with_pickle(tmp_path / "x.bin", pickled), name, "nothing was executed")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("pickled", "said"),
    [
        (b"\x80\x02ctorch\nload\n.", "torch.load"),
        (b"\x80\x02ctorch.storage\n_load_from_bytes\n.", "torch.storage._load_from_bytes"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v3\n.", "torch._utils._rebuild_tensor_v3"),
        (b"\x80\x02ctorch\nUntypedStorage\n.", "torch.UntypedStorage"),
        (b"\x80\x02c__main__\nx y\n.", "__main__.x y"),
        (b"(S'echo'\nios\nsystem\n.", "STRING"),
        (b"(ios\nsystem\n.", "os.system"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R.", "os.system"),
        (b"\x80\x02ctorch\nFloatStorage\n)R.", "torch.FloatStorage"),
        (b"\x80\x02ctorch\nFloatStorage\n}b.", "sets attributes"),
        (b"\x80\x02ccollections\nOrderedDict\nX\x01\x00\x00\x00aK\x01s.", "damaged"),
        (b"\x80\x02ccollections\nOrderedDict\n(]]]tR.", "EMPTY_LIST"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "NEWOBJ"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"\x80\x02(((tt", "damaged"),
        (b"\x80\x02K\x01K\x02R.", "calls int"),
        (b"\x80\x02h\x05.", "damaged"),
        (b"\x80\x02K\x01Q.", "other than a storage"),
        (b"\x80\x02}(K\x01K\x02u.", "not a string"),
        (b"\x80\x02}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00aK\x01u.", "'a' occurs twice"),
        (b"\x80\x02}X\x01\x00\x00\x00aK\x01s.", "'a' is not a tensor"),
        (b"\x80\x02K\x01.", "top level"),
        (b"\x80\x02(.", "damaged"),
        (b"\x80\x02.", "damaged"),
        (b"", "damaged"),
        (b"\x80\x02(K\x01\x85\x93.", "damaged"),
        (b"\x80\x02K\x01\x85K\x02\x93.", "other than strings"),
        (b"\x80\x02\x8b\xff\xff\xff\x7f.", "damaged"),
        (b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"a.", "damaged"),
    ],
)
def test_pickles_beyond_a_state_dict_are_refused(tmp_path, pickled, said):
    assert_refused(with_pickle(tmp_path / "x.bin", pickled), said)


@pytest.mark.slow
def test_a_memo_bomb_and_deep_nesting_stay_small(tmp_path):
    # 2**60 leaves if it were ever walked; and a tuple 50 000 levels deep
    bomb = b"\x80\x02)q\x00" + b"".join(b"h\x00h\x00\x86q\x00" for _ in range(60)) + b"h\x00\x93."
    assert_refused(with_pickle(tmp_path / "bomb.bin", bomb))
    deep = b"\x80\x02}(X\x01\x00\x00\x00a)" + b"\x85" * 50_000 + b"u."
    assert_refused(with_pickle(tmp_path / "deep.bin", deep), "'a' is not a tensor")
    key = b"\x80\x02}()" + b"\x85" * 50_000 + b"K\x01u."
    assert_refused(with_pickle(tmp_path / "key.bin", key), "not a string")


def test_a_huge_memo_index_allocates_nothing(tmp_path):
    pickled = b"\x80\x02}r" + struct.pack("<I", 2**32 - 1) + b"."
    assert TorchZipFile(with_pickle(tmp_path / "x.bin", pickled)).names() == ()


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        ({"count": 23, "shape": (23,)}, "has 96 bytes, not 23 of F32"),
        ({"count": 25, "shape": (25,)}, "has 96 bytes, not 25 of F32"),
        ({"key": "1", "count": 24, "shape": (24,)}, "missing record 'archive/data/1'"),
        ({"key": "../data.pkl", "count": 24, "shape": (24,)}, "missing record"),
        ({"count": 24, "shape": (25,)}, "reaches beyond"),
        ({"count": 24, "shape": (24,), "offset": 1}, "reaches beyond"),
        ({"count": 24, "shape": (12,), "stride": (3,)}, "reaches beyond"),
        ({"count": 24, "shape": (100_000_000,), "stride": (0,)}, "reaches beyond"),
        ({"count": 24, "shape": (2,), "stride": (-1,)}, "illegal fields"),
        ({"count": 24, "shape": (-2,), "stride": (1,)}, "illegal fields"),
        ({"count": 24, "shape": (2, 2), "stride": (1,)}, "illegal fields"),
        ({"count": 24, "shape": (0, 2**30, 2**30), "stride": (1, 1, 1)}, "illegal shape"),
        ({"count": 24, "shape": (1,) * 9, "stride": (1,) * 9}, "illegal fields"),
        ({"dtype": "QInt8Storage", "count": 24, "shape": (24,)}, "torch.QInt8Storage"),
    ],
)
def test_tensors_that_do_not_fit_their_storage(tmp_path, checkpoints, tensor, said):
    arguments = {"key": "0", "dtype": "F32", **tensor}
    pickled = checkpoints.dict_pickle({"w": checkpoints.tensor_pickle(**arguments)})
    path = checkpoints.zip_file(tmp_path / "x.bin", pickled, {"0": ARRAY.tobytes()})
    assert_refused(path, said)


def test_archives_torch_never_writes(tmp_path, checkpoints):
    pickled = checkpoints.dict_pickle({"w": checkpoints.tensor_pickle("0", "F32", 24, (24,))})
    records = {"0": ARRAY.tobytes()}
    assert_refused(checkpoints.zip_file(tmp_path / "big.bin", pickled, records, b"big"), "big-endian")
    assert TorchZipFile(checkpoints.zip_file(tmp_path / "old.bin", pickled, records, None)).names() == ("w",)

    compressed = tmp_path / "bomb.bin"
    with zipfile.ZipFile(compressed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", pickled)
        archive.writestr("x/data/0", b"\0" * 10_000_000)
    assert_refused(compressed, "compressed")

    two = tmp_path / "two.bin"
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("x/data.pkl", pickled)
        archive.writestr("y/data.pkl", pickled)
    assert_refused(two, "2 pickles")

    renamed = two.read_bytes().replace(b"y/data.pkl", b"x/data.pkl")
    two.write_bytes(renamed)
    assert_refused(two, "occurs twice")

    # one record claims four gigabytes
    inflated = bytearray(checkpoints.zip_file(tmp_path / "z.bin", pickled, records).read_bytes())
    entry = inflated.rindex(b"PK\x01\x02")
    inflated[entry + 20 : entry + 28] = struct.pack("<II", 2**32 - 2, 2**32 - 2)
    (tmp_path / "z.bin").write_bytes(inflated)
    assert_refused(tmp_path / "z.bin", "claim")


def test_a_huge_pickle_is_not_interpreted(tmp_path):
    assert_refused(with_pickle(tmp_path / "x.bin", b"\x80\x02" + b"N" * 16_000_001 + b"."), "more than 2000000")


def test_a_damaged_record_is_found_when_read(tmp_path, checkpoints):
    path = checkpoints.save_zip(tmp_path / "x.bin", {"w": ARRAY})
    raw = bytearray(path.read_bytes())
    raw[raw.index(ARRAY.tobytes()) + 5] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ModelFormatError, match="'archive/data/0' is damaged"):
        TorchZipFile(path).read("w")


def test_other_formats_are_explained(tmp_path):
    legacy = tmp_path / "legacy.bin"
    stream = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(value, stream, protocol=2)
    legacy.write_bytes(stream.getvalue())
    with pytest.raises(ModelFormatError, match="legacy") as caught:
        TorchZipFile(legacy)
    assert "safetensors" in caught.value.hint
    (tmp_path / "text.bin").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert_refused(tmp_path / "text.bin", "not a torch zip file")
    assert_refused(tmp_path / "none.bin", "cannot be read")


def test_legacy_file_of_torch_itself(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"w": torch.ones(2)}, tmp_path / "x.bin", _use_new_zipfile_serialization=False)
    assert_refused(tmp_path / "x.bin", "legacy")


@examples(200)
@given(data=st.data())
def test_damage_never_raises_anything_else(tmp_path_factory, checkpoints, data):
    folder = tmp_path_factory.getbasetemp()
    arrays = {"a": np.ones((2, 3), np.float32), "b": np.arange(3)}
    if data.draw(st.booleans(), label="damage the pickle inside a sound archive"):
        items = {
            name: checkpoints.tensor_pickle(str(i), "F32", a.size, a.shape)
            for i, (name, a) in enumerate(arrays.items())
        }
        pickled = bytearray(checkpoints.dict_pickle(items))
        _mutate(data, pickled)
        path = checkpoints.zip_file(folder / "mutated.bin", bytes(pickled), {"0": b"\0" * 24, "1": b"\0" * 12})
    else:
        path = checkpoints.save_zip(folder / "mutated.bin", arrays)
        raw = bytearray(path.read_bytes())
        _mutate(data, raw)
        path.write_bytes(raw)
    with contextlib.suppress(ModelFormatError):
        read_all(path)


def _mutate(data, raw):
    for position in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
        raw[position] = data.draw(st.integers(0, 255))
    del raw[data.draw(st.integers(0, len(raw)) | st.just(len(raw))) :]
