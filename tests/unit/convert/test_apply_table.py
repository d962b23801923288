"""A table must account for every tensor; whatever does not fit is named."""

from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.errors import ModelFormatError
from gpa_mlx_convert.apply import apply_table
from gpa_mlx_convert.checkpoint import open_checkpoint
from gpa_mlx_convert.remap.fold import conv, weight_norm_conv
from gpa_mlx_convert.remap.table import Table, WeightRule

W = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
TABLE = Table((WeightRule("conv.weight", ("c.weight",), conv), WeightRule("bias", ("c.bias",))), (r"heads\..*",))
SHAPES = {"conv.weight": (2, 4, 3), "bias": (2,)}
GOOD = {"c.weight": W, "c.bias": np.ones(2, np.float32)}


@pytest.fixture
def apply(tmp_path, checkpoints):
    def run(tensors, table=TABLE, shapes=SHAPES):
        path = checkpoints.save_safetensors(tmp_path / "x.safetensors", tensors)
        return apply_table(open_checkpoint(path), table, shapes, "model.safetensors")

    return run


def test_targets_come_in_table_order(apply):
    result = list(apply({**GOOD, "heads.0.w": W}))
    assert [name for name, _ in result] == ["conv.weight", "bias"]
    np.testing.assert_array_equal(result[0][1], W.transpose(0, 2, 1))
    assert all(array.dtype == np.float32 for _, array in result)


def test_tensors_are_read_one_at_a_time(apply, monkeypatch):
    read = []
    from gpa_mlx_convert.checkpoint import Checkpoint

    original = Checkpoint.read
    monkeypatch.setattr(Checkpoint, "read", lambda self, key: read.append(key) or original(self, key))
    tensors = apply(GOOD)
    assert read == []
    next(tensors)
    assert read == ["c.weight"]


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"c.weight": W}, "tensor 'c.bias' is missing"),
        ({**GOOD, "d.bias": W}, "unexpected tensor 'd.bias'"),
        ({**GOOD, "old.heads.0": W}, "unexpected tensor 'old.heads.0'"),  # patterns match whole keys
        ({**GOOD, "c.bias": np.ones(2, np.int32)}, "'c.bias' has dtype I32"),
    ],
)
def test_missing_and_extra_tensors_before_anything_is_read(apply, tensors, said):
    with pytest.raises(ModelFormatError) as caught:
        apply(tensors)
    assert "model.safetensors: " in caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({**GOOD, "c.bias": np.ones(3, np.float32)}, ["'bias'", "(2,)", "'c.bias' (3,)"]),
        ({**GOOD, "c.weight": W.transpose(0, 2, 1)}, ["'conv.weight'", "(2, 4, 3)", "'c.weight' (2, 4, 3)"]),
        ({**GOOD, "c.weight": W[0]}, ["'conv.weight'", "(2, 4, 3)", "'c.weight' (3, 4)", "cannot be built"]),
        ({**GOOD, "c.bias": np.array([1, np.nan], np.float32)}, ["'bias'", "NaN", "'c.bias'"]),
        ({**GOOD, "c.bias": np.array([1, np.inf], np.float16)}, ["'bias'", "infinity", "'c.bias'"]),
        ({**GOOD, "c.bias": np.array([1, 1e300])}, ["'bias'", "infinity", "'c.bias'"]),
    ],
)
def test_wrong_shapes_and_values(apply, tensors, said):
    with pytest.raises(ModelFormatError) as caught:
        list(apply(tensors))
    for text in ("model.safetensors", *said):
        assert text in caught.value.message


def test_a_weight_norm_of_zero_direction_is_not_finite(apply):
    table = Table((WeightRule("w", ("c.weight_g", "c.weight_v"), weight_norm_conv),))
    tensors = {"c.weight_g": np.ones((2, 1, 1), np.float32), "c.weight_v": np.zeros((2, 3, 4), np.float32)}
    with pytest.raises(ModelFormatError, match="NaN"):
        list(apply(tensors, table, {"w": (2, 4, 3)}))


@pytest.mark.parametrize(
    ("table", "shapes", "said"),
    [
        (TABLE, {**SHAPES, "more": (1,)}, "target 'more' is filled by no tensor"),
        (TABLE, {"bias": (2,)}, "target 'conv.weight' does not exist"),
        (Table((*TABLE.rules, WeightRule("bias", ("c.bias",)))), SHAPES, "'bias' would be filled 2 times"),
    ],
)
def test_table_and_network_must_agree(apply, table, shapes, said):
    with pytest.raises(ModelFormatError, match=said):
        apply(GOOD, table, shapes)
