"""Models from strangers: numbers that ask for too much, and files that are too large to be read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.model import demo
from gpa_mlx.model.registry import open_model
from gpa_mlx.store.files import MAX_RECORD_BYTES
from gpa_mlx.store.safetensors_header import MAX_HEADER_BYTES, read_safetensors_header
from gpa_mlx.tokenizers.text import TextTokenizer
from gpa_mlx_convert.sources import read_config
from gpa_mlx_convert.torch_pickle import read_state_dict
from gpa_mlx_convert.torch_zip import TorchZipFile
from tests.robustness.hostile_configs import record

ROOT = Path(__file__).parents[2]
VALUES = [500, 10**7, 2**31, 0]
LIMIT_BYTES = 6_000_000_000
"""Of the address space: libraries take three of them."""


@pytest.fixture
def model(tmp_path):
    return Path(shutil.copytree(demo.demo_model(), tmp_path / "model"))


@pytest.mark.slow
def test_no_number_of_a_config_takes_memory_or_ends_in_another_error(model):
    run = subprocess.run(
        [sys.executable, "-m", "tests.robustness.hostile_configs", str(model), str(LIMIT_BYTES)],
        input=json.dumps(VALUES),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=600,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "convert")))},
    )
    result = json.loads(run.stdout)
    assert result["unexpected"] == []
    assert result["outcomes"]["refused"] > 300
    assert result["peak_bytes"] < 400_000_000  # 210 million measured


def test_a_config_as_large_as_a_disk_is_not_read(model):
    with (model / "config.json").open("r+b") as file:
        file.truncate(2**30)  # sparse
    record_size(model, "config.json", 2**30)
    with pytest.raises(ModelFormatError, match=f"larger than {MAX_RECORD_BYTES} bytes"):
        open_model(model)
    with pytest.raises(ModelFormatError, match="larger than"):
        read_config(model / "config.json")


def test_a_pipe_in_place_of_a_config_is_not_waited_for(model):
    (model / "gpa_mlx.json").unlink()
    os.mkfifo(model / "gpa_mlx.json")
    with pytest.raises(ModelFormatError, match="no regular file"):
        open_model(model)


def record_size(model, name, size):
    manifest = json.loads((model / "gpa_mlx.json").read_text())
    manifest["files"][name]["size"] = size
    (model / "gpa_mlx.json").write_text(json.dumps(manifest))


def test_a_header_that_is_larger_than_any_network_needs_is_not_parsed(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes((MAX_HEADER_BYTES + 1).to_bytes(8, "little"))
    os.truncate(path, 2 * MAX_HEADER_BYTES)
    with pytest.raises(ModelFormatError, match=f"more than {MAX_HEADER_BYTES}"):
        read_safetensors_header(path)


def test_an_archive_with_a_huge_directory_is_not_listed(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    end = b"PK\5\6" + bytes(4) + (65_535).to_bytes(2, "little") * 2 + (400_000_000).to_bytes(4, "little") + bytes(6)
    path.write_bytes(b"PK\3\4" + bytes(1000) + end)
    with pytest.raises(ModelFormatError, match="lists records in 400000000 bytes"):
        TorchZipFile(path)


def test_an_archive_with_a_huge_zip64_directory_is_not_listed(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    wide = b"PK\6\6" + bytes(36) + (2**33).to_bytes(8, "little") + bytes(8)
    end = b"PK\5\6" + b"\xff" * 16 + bytes(2)
    path.write_bytes(b"PK\3\4" + bytes(1000) + wide + b"PK\6\7" + bytes(16) + end)
    with pytest.raises(ModelFormatError, match=f"lists records in {2**33} bytes"):
        TorchZipFile(path)


def replaced(**changes):
    def change(content):
        content.update(changes)

    return change


def in_model(**changes):
    def change(content):
        content["model"].update(changes)

    return change


def add_to_vocabulary(content):
    content["model"]["vocab"]["never seen"] = 2**32 - 1


@pytest.mark.parametrize(
    "change",
    [
        replaced(normalizer={"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}),
        replaced(
            normalizer={
                "type": "Sequence",
                "normalizers": [{"type": "NFC"}, {"type": "Prepend", "prepend": "a" * 1_000_000}],
            }
        ),
        replaced(pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated"}),
        replaced(pre_tokenizer={"type": "Split", "pattern": {"Regex": "a" * 1001}, "behavior": "Isolated"}),
        replaced(pre_tokenizer={"type": "Metaspace"}),
        replaced(decoder={"type": "WordPiece"}),
        replaced(model={"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}),
        in_model(dropout=0.5),
        in_model(continuing_subword_prefix="#" * 50),  # the library panics
        in_model(end_of_word_suffix="\u00e9"),
        in_model(vocab={}, merges=[["a", "b"]]),
        add_to_vocabulary,
        replaced(added_tokens=[{"id": 2**32 - 1, "content": "x"}]),
    ],
)
def test_a_tokenizer_with_anything_but_what_gpa_uses_is_refused(tmp_path, change, capfd):
    content = json.loads((demo.demo_model() / "tokenizer.json").read_text())
    change(content)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ModelFormatError, match=r"tokenizer\.json is not a"):
        TextTokenizer.from_file(path)
    assert capfd.readouterr().err == ""


def test_a_tokenizer_with_two_models_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text('{"model": {}, "model": {}}')
    with pytest.raises(ModelFormatError, match="not JSON"):
        TextTokenizer.from_file(path)


@pytest.mark.parametrize(
    "quantization",
    [
        {"bits": 4, "group_size": 10**7},
        {"bits": 2**31, "group_size": 64},
        {"bits": 4, "group_size": 64, "mode": "mxfp4"},
        {"bits": 4, "group_size": 64, "model.layers.0.mlp.up_proj": {"bits": 99}},
        {"group_size": 64},
        [],
    ],
)
def test_a_quantization_that_mlx_has_no_kernel_for_is_refused(model, quantization):
    path = model / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "quantization": quantization}))
    record(model, "config.json")
    with pytest.raises(ModelFormatError, match=r"config\.json"):
        open_model(model).load("transcribe")


@pytest.mark.parametrize("instruction", [b"}", b"(", b")"])
def test_a_pickle_of_many_tiny_instructions_is_given_up(instruction):
    with pytest.raises(ModelFormatError, match="more than 400000 instructions"):
        read_state_dict(b"\x80\x02" + instruction * 1_999_990 + b".", "pytorch_model.bin")
