"""Measurements in processes of their own: what they write, and what they keep to themselves."""

from __future__ import annotations

import json

import pytest

from gpa_mlx.doctor.first_run import worker
from gpa_mlx.doctor.sound_devices import SoundDevice


@pytest.fixture
def listen(make_devices, make_host, monkeypatch, capsys):
    """Listen to a microphone that a test makes up, as the process does."""

    def do(**fields):
        monkeypatch.setattr(worker, "PortAudio", lambda: make_devices(**fields))
        monkeypatch.setattr(worker, "this_host", make_host)
        monkeypatch.setattr("sys.argv", ["worker", "microphone", "{}"])
        worker.main()
        return json.loads(capsys.readouterr().out)

    return do


@pytest.mark.parametrize("refusal", ["", "Anna's AirPods cannot be opened."])
def test_the_name_of_a_microphone_is_not_told(listen, refusal):
    heard = listen(found=SoundDevice("Anna's AirPods", 24_000), refusal=refusal)
    assert "Anna" not in json.dumps(heard)
    assert heard["findings"][0]["status"] == ("warning" if refusal else "ok")
    assert all(finding.keys() == {"status", "what"} for finding in heard["findings"])


def test_no_microphone(listen):
    assert listen(found=None) == {"missing": "This computer has no microphone."}
