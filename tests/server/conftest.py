"""Servers for tests: on a fake engine inside the test, and on the demo model behind a real socket."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from gpa_mlx.engine.shared import load_shared
from gpa_mlx.model import demo
from gpa_mlx.protocols import SpeechEngine
from gpa_mlx.server.application import make_app
from gpa_mlx.server.options import Limits, ServerOptions
from gpa_mlx.server.running import address_of, make_server, open_socket
from gpa_mlx.testing import FakeEngine

THREE_OFF = next(sample for sample in demo.demo_samples() if sample.text == "three off").file


@contextlib.contextmanager
def running(engine: SpeechEngine, options: ServerOptions) -> Iterator[str]:
    """Serve from a thread; yield the address."""
    with open_socket(options) as listening:
        server = make_server(engine, options, path=demo.demo_model(), model=demo.NAME)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.005)
        try:
            yield address_of(listening)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture(scope="session")
def demo_engine() -> Iterator[SpeechEngine]:
    """The demo model, for several threads."""
    with load_shared(demo.demo_model()) as engine:
        yield engine


@pytest.fixture(scope="session")
def address(demo_engine: SpeechEngine) -> Iterator[str]:
    """Of a server of the demo model."""
    with running(demo_engine, ServerOptions(port=0, limits=Limits(drain_s=5))) as where:
        yield where


@pytest.fixture
def engine() -> FakeEngine:
    """A fake engine that has the demo model's voices."""
    return FakeEngine(path=demo.demo_model())


@pytest.fixture
def client(engine: FakeEngine) -> Iterator[Callable[..., TestClient]]:
    """Make a client of a server on the fake engine: `client(api_key="x")`, options as of `ServerOptions`."""
    with contextlib.ExitStack() as stack:

        def make(**options: object) -> TestClient:
            chosen = ServerOptions(**options)  # pyright: ignore[reportArgumentType]
            app = make_app(engine, path=demo.demo_model(), model=demo.NAME, options=chosen)
            return stack.enter_context(TestClient(app, base_url="http://localhost:8765", raise_server_exceptions=False))

        yield make


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder
