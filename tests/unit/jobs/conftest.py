from __future__ import annotations

import json

import pytest

from gpa_mlx.testing import FakeEngine

MANIFEST = {
    "format_version": 1,
    "converter_version": "0.1.0",
    "model_family": "fake",
    "model_name": "nobody",
    "source": {"location": "nowhere", "revision": None, "sha256": {}},
    "parts": {},
    "files": {"model.safetensors": {"size": 1, "sha256": "ab" * 32}},
}


@pytest.fixture
def engine(tmp_path_factory):
    """A fake engine whose model directory has a manifest."""
    path = tmp_path_factory.mktemp("model")
    (path / "gpa_mlx.json").write_text(json.dumps(MANIFEST))
    return FakeEngine(path=path)
