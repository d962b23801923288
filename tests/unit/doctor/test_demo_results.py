"""The committed results of the demo model, and how differences from them are counted."""

from __future__ import annotations

import dataclasses
import math

import pytest

from gpa_mlx.doctor.first_run.demo_results import DemoResults, SampleResult, read_results
from gpa_mlx.doctor.first_run.parity import differences
from gpa_mlx.errors import ModelFormatError
from gpa_mlx.model.demo import demo_model, demo_samples, results_file
from gpa_mlx.provenance.tagging import identify_model

SAMPLE = SampleResult(file="a.wav", text="three", glm=(1, 2), semantic=(3, 4, 5), global_tokens=(6,))
RESULTS = DemoResults(model_sha256="ab", samples=(SAMPLE,), speech=(1, 2, 3, 4), logits=(0.5, -1.0), wave=(0.1, 0.2))


def test_what_is_committed_is_of_this_model_and_its_recordings():
    results = read_results(results_file())
    assert results.model_sha256 == identify_model(demo_model()).sha256, "`make demo-results` makes them anew"
    assert [(sample.file, sample.text) for sample in results.samples] == [
        (sample.file.name, sample.text) for sample in demo_samples()
    ]


def test_equal_results_have_no_differences():
    found = differences(RESULTS, RESULTS)
    assert found["semantic"] == {"different": 0, "of": 3}
    assert found["speech"] == {"different": 0, "of": 4, "same_before": 4}
    assert (found["texts"]["different"], found["heard"], found["logits"], found["wave"]) == (0, {}, 0.0, 0.0)


def test_differences_are_counted():
    sample = dataclasses.replace(SAMPLE, text="five", semantic=(3, 9), glm=(1, 2, 3))
    other = dataclasses.replace(RESULTS, samples=(sample,), speech=(1, 2, 9), logits=(0.5, -1.25), wave=(0.1,))
    found = differences(RESULTS, other)
    assert found["semantic"] == {"different": 2, "of": 3}
    assert found["glm"] == {"different": 1, "of": 2}
    assert found["speech"] == {"different": 2, "of": 4, "same_before": 2}
    assert found["heard"] == {"a.wav": {"expected": "three", "found": "five"}}
    assert (found["logits"], found["wave"]) == (0.25, "inf")


def test_what_is_no_number_has_a_name():
    assert differences(RESULTS, dataclasses.replace(RESULTS, wave=(math.nan, 0.2)))["wave"] == "nan"


@pytest.mark.parametrize("content", [None, "{", '{"model_sha256": "ab"}'])
def test_a_damaged_file_is_told(tmp_path, content):
    file = tmp_path / "results.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ModelFormatError, match=r"results\.json is damaged"):
        read_results(file)
