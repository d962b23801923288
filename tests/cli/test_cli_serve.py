"""`gpa-mlx serve`: what is refused before it listens, and who speaks where nobody is named."""

from __future__ import annotations

import pytest

from gpa_mlx import settings as settings_file


@pytest.fixture
def served(gpa_mlx, monkeypatch):
    """Start a server that ends at once; return the outcome, and what it was made with."""
    made = []

    class Server:
        def run(self, sockets):
            made.append(sockets[0].getsockname()[1])

    def make_server(engine, options, **more):
        made.append((options, more))
        return Server()

    monkeypatch.setattr("gpa_mlx.server.running.make_server", make_server)
    return lambda *words: (gpa_mlx("serve", "--model", "demo", "--port", 0, *words), made)


def test_it_listens_and_says_where(served):
    result, ((options, more), port) = served("--voice", "slt", "--running", 3)
    assert result.code == 0
    assert f"Serving 'demo' at http://127.0.0.1:{port}" in result.err
    assert (options.limits.running, more["voice"], more["model"]) == (3, "slt", "demo")


def test_a_voice_that_there_is_not_is_told_at_once(served):
    result, made = served("--voice", "nobody")
    assert (result.code != 0, made) == (True, [])
    assert "There is no voice 'nobody'" in result.err


def test_a_setting_that_does_not_fit_keeps_no_server_from_starting(served):
    settings_file.store("voice", "gone.wav")
    result, ((_, more), _) = served()
    assert result.code == 0
    assert "the setting `voice` is not used" in result.err
    assert more["voice"] is None


@pytest.mark.parametrize("insecure", [False, True])
def test_a_network_is_served_with_a_key(served, insecure, monkeypatch):
    monkeypatch.delenv("GPA_MLX_API_KEY", raising=False)
    result, made = served("--host", "0.0.0.0", *(["--insecure"] if insecure else []))
    assert (result.code == 0) is insecure
    assert bool(made) is insecure
    if not insecure:
        assert "--api-key-file" in result.err


def test_a_port_that_is_taken_is_told(gpa_mlx, served):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = gpa_mlx("serve", "--model", "demo", "--port", taken.getsockname()[1])
    assert result.code != 0
    assert "it is taken" in result.err
