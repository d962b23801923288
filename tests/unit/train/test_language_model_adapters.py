import json
import shutil

import numpy as np
import pytest
from mlx.utils import tree_flatten

from gpa_mlx.engine import gpa as engine
from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.nn.lora import AdapterArgs, LoRALinear, adapted_layers, add_adapters, fuse_adapters
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.store.manifest import require_converted, verify_files
from gpa_mlx.train.language_model.adapters import save_adapter
from gpa_mlx.train.language_model.export import write_fused

IDS = mx.array([[1, 5, 700, 9, 30, 2]])
LAYERS = 3 * 7


def randomise(model, seed=0):
    """Give every adapter something to say."""
    key = mx.random.key(seed)
    for _, layer in adapted_layers(model):
        key, now = mx.random.split(key)
        layer.lora_b = 0.05 * mx.random.normal(layer.lora_b.shape, key=now)


def trainable(model):
    return dict(tree_flatten(model.trainable_parameters()))


@pytest.fixture
def adapter(converted_small_a, tmp_path):
    """A saved random adapter, and the logits of the model that has it."""
    parts = GPAModel(converted_small_a)
    model = parts.language_model
    args = AdapterArgs(rank=4, scale=1.5)
    add_adapters(model, args)
    randomise(model)
    save_adapter(tmp_path / "adapter", trainable(model), args, parts.manifest)
    return tmp_path / "adapter", np.array(model(IDS))


def test_a_new_adapter_changes_nothing_and_is_all_that_trains(converted_small_a):
    model = GPAModel(converted_small_a).language_model
    before = np.array(model(IDS))
    add_adapters(model, AdapterArgs(rank=3, scale=2.0))
    np.testing.assert_array_equal(model(IDS), before)
    weights = trainable(model)
    assert len(weights) == 2 * LAYERS
    assert {name.rpartition(".")[2] for name in weights} == {"lora_a", "lora_b"}


def test_scale_0_changes_nothing(converted_small_a):
    model = GPAModel(converted_small_a).language_model
    before = np.array(model(IDS))
    add_adapters(model, AdapterArgs(rank=3, scale=0.0))
    randomise(model)
    np.testing.assert_array_equal(model(IDS), before)
    fuse_adapters(model)
    np.testing.assert_array_equal(model(IDS), before)


def test_an_adapted_layer_computes_the_definition():
    base = nn.Linear(6, 4)
    layer = LoRALinear(base, AdapterArgs(rank=2, scale=0.7), mx.random.key(0))
    layer.lora_b = mx.random.normal((2, 4))
    x = mx.random.normal((3, 6))
    expected = x @ (base.weight + 0.7 * (layer.lora_a @ layer.lora_b).T).T + base.bias
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.fused()(x), expected, rtol=1e-4, atol=1e-6)


def test_a_saved_adapter_loads_at_run_time(converted_small_a, adapter):
    directory, expected = adapter
    plain = np.array(GPAModel(converted_small_a).language_model(IDS))
    parts = GPAModel(converted_small_a, directory)
    np.testing.assert_array_equal(parts.language_model(IDS), expected)
    assert np.abs(expected - plain).max() > 0.01
    parts.unload()
    np.testing.assert_array_equal(parts.language_model(IDS), expected)


@pytest.mark.slow
def test_the_engine_uses_the_adapter(converted_small_a, adapter, golden_audio):
    texts = []
    for directory in (None, adapter[0]):
        with engine.load(converted_small_a, adapter=directory) as gpa:
            texts.append(gpa.transcribe(golden_audio("slt"), vad=False).text)
    assert texts[0] != texts[1]


def test_a_fused_model_is_whole_and_computes_the_same(converted_small_a, adapter, tmp_path):
    directory, expected = adapter
    target = tmp_path / "fused"
    target.mkdir()
    write_fused(GPAModel(converted_small_a, directory), target, "fused")
    assert require_converted(target).model_name == "fused"
    assert verify_files(target) == []
    assert require_converted(target).model_family == require_converted(converted_small_a).model_family
    np.testing.assert_allclose(GPAModel(target).language_model(IDS), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_adapters_on_a_quantised_model(small_a, tmp_path):
    from gpa_mlx_convert.pipeline import ConvertOptions, convert

    convert(small_a, tmp_path / "q8", ConvertOptions(lm_bits=8))
    parts = GPAModel(tmp_path / "q8")
    model = parts.language_model
    before = np.array(model(IDS))
    args = AdapterArgs(rank=4, scale=1.0)
    add_adapters(model, args)
    np.testing.assert_array_equal(model(IDS), before)
    assert len(trainable(model)) == 2 * LAYERS
    randomise(model)
    adapted = np.array(model(IDS))
    save_adapter(tmp_path / "adapter", trainable(model), args, parts.manifest)
    (tmp_path / "fused").mkdir()
    write_fused(GPAModel(tmp_path / "q8", tmp_path / "adapter"), tmp_path / "fused", "fused")
    fused = np.array(GPAModel(tmp_path / "fused").language_model(IDS))
    assert np.abs(adapted - before).mean() > 10 * np.abs(fused - adapted).mean()


def test_what_is_no_adapter_is_refused_at_once(converted_small_a, adapter, tmp_path):
    with pytest.raises(ModelNotFoundError, match="not an adapter"):
        GPAModel(converted_small_a, tmp_path / "none")
    config = adapter[0] / "adapter_config.json"
    for content, problem in (('{"rank": 0, "scale": 1}', "'rank'"), ("{", "JSON"), ('{"rank": 2}', "'scale'")):
        config.write_text(content)
        with pytest.raises(ModelFormatError, match=problem):
            GPAModel(converted_small_a, adapter[0])


def test_an_adapter_that_does_not_fit_is_named(converted_small_a, adapter, tmp_path):
    directory, _ = adapter
    other = shutil.copytree(directory, tmp_path / "other")
    config = json.loads((other / "adapter_config.json").read_text())
    (other / "adapter_config.json").write_text(json.dumps({**config, "rank": 5}))
    with pytest.raises(ModelFormatError, match="has shape"):
        _ = GPAModel(converted_small_a, other).language_model
    (other / "adapters.safetensors").unlink()
    with pytest.raises(ModelNotFoundError, match=r"adapters\.safetensors"):
        _ = GPAModel(converted_small_a, other).language_model
