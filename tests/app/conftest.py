"""An app on a scripted engine, a sound output that plays faster than time, and a way to use the app like a user."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from gpa_mlx.model import demo
from gpa_mlx.testing import FakeEngine, FakeOutput
from gpa_mlx_tui import bindings
from gpa_mlx_tui.app.app import GPAApp


class Session:
    """An app that is being used.

    Attributes:
        app: The app.
        pilot: Presses its keys.
        messages: Everything that was sent in it.
        toasts: What it told the user.
    """

    def __init__(self, app: GPAApp, pilot: Pilot, messages: list[Message], toasts: list[str]):
        self.app, self.pilot, self.messages, self.toasts = app, pilot, messages, toasts

    @property
    def screen(self):
        return self.app.screen

    def sent(self, kind: type) -> list:
        """The messages of one kind, each once."""
        return list(dict.fromkeys(message for message in self.messages if isinstance(message, kind)))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], object], timeout_s: float = 30.0) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain; toasts: {self.toasts}"
            await asyncio.sleep(0.01)
        await self.pilot.pause()

    async def write(self, text: str) -> None:
        """Put text into what has the focus."""
        area = self.app.focused
        assert isinstance(area, TextArea | Input)
        if isinstance(area, TextArea):
            area.text = text
        else:
            area.value = text
        await self.pilot.pause()

    async def rest(self) -> None:
        """Wait until the engine has nothing to do, and the top line says so."""
        await self.until(lambda: self.app.service.state == "idle")
        self.screen.refresh_header()
        await self.pilot.pause(0.2)

    def picture(self) -> str:
        """The screen as SVG, the same in every run."""
        return self.app.export_screenshot(title="gpa-mlx")


Use = Callable[..., None]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program's own files are in an empty folder; so are those of the user."""
    monkeypatch.setenv("GPA_MLX_HOME", str(tmp_path / "gpa-mlx-home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(path=demo.demo_model())


@pytest.fixture
def output() -> FakeOutput:
    return FakeOutput()


@pytest.fixture
def use(engine: FakeEngine, output: FakeOutput, monkeypatch: pytest.MonkeyPatch) -> Use:
    """Open the app and use it: `use(steps, mode="speak", size=(80, 24), theme="dark")`, `async def steps(session)`."""
    monkeypatch.setattr(Input, "cursor_blink", False)
    monkeypatch.setattr(bindings, "_PLATFORM", "linux")  # pictures are the same everywhere
    monkeypatch.setattr(TextArea, "cursor_blink", False)

    def run(steps: Callable[[Session], Awaitable[None]], *, size: tuple[int, int] = (80, 24), **options) -> GPAApp:
        options = {"output": output, "open_engine": lambda path: engine, "model": demo.demo_model(), **options}
        app = GPAApp(**options)
        app.animation_level = "none"
        app.service.memory_bytes = lambda: 16_000_000
        toasts: list[str] = []
        notify = app.notify
        app.notify = lambda message, **options: (toasts.append(message), notify(message, **options))[1]

        async def session() -> None:
            messages: list[Message] = []
            async with app.run_test(size=size, notifications=True, message_hook=messages.append) as pilot:
                await pilot.pause()
                await steps(Session(app, pilot, messages, toasts))

        try:
            asyncio.run(session())
        finally:
            app.service.close(timeout_s=5)
        return app

    return run


class _Picture(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "svg"


@pytest.fixture
def picture(snapshot):
    """Compare with the stored SVG: `assert session.picture() == picture`."""
    return snapshot.use_extension(_Picture)
