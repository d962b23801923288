"""The app answers while the demo model tasks, stops at once, and leaves within a second, whatever goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from textual.css import stylesheet

from gpa_mlx.engine.gpa import load
from gpa_mlx_tui.bindings import APP, keys_of
from gpa_mlx_tui.modes import MODES
from gpa_mlx_tui.services.sound import SoundGrew
from gpa_mlx_tui.widgets.voice_picker import VoicePicker
from tests.support.terminal import Terminal

LONG = "one two three four five six seven eight nine zero. " * 20
MOST_BLOCKED_S = 0.05
MOST_ESCAPE_S = 0.2
MOST_QUIT_S = 1.0
TRIES = 8
"""Other processes may hold the processor, too: the best of several tries counts."""


async def longest_gap(seconds: float) -> float:
    """Return for how long the event loop did not come round."""
    longest, end = 0.0, time.perf_counter() + seconds
    last = time.perf_counter()
    while last < end:
        await asyncio.sleep(0.002)
        now = time.perf_counter()
        longest, last = max(longest, now - last - 0.002), now
    return longest


@pytest.fixture
def opened():
    """Names of the files that the thread of the test opens, which the app runs on; imported modules count, too."""
    names = []
    here = threading.get_ident()
    watching = True

    def note(event, arguments):
        if watching and event == "open" and threading.get_ident() == here:
            names.append(Path(str(arguments[0])).name)

    sys.addaudithook(note)  # for good, as Python has it
    yield names
    watching = False


@pytest.fixture
def parsed(monkeypatch):
    """Places of the styles that are parsed."""
    places = []
    real = stylesheet.parse

    def parse(scope, css, read_from, **options):
        places.append(read_from)
        return real(scope, css, read_from, **options)

    monkeypatch.setattr(stylesheet, "parse", parse)
    return places


@pytest.fixture
def styled(monkeypatch):
    """Nodes, as often as they are given their styles."""
    nodes = []
    real = stylesheet.Stylesheet.apply

    def apply(self, node, **options):
        nodes.append(node)
        real(self, node, **options)

    monkeypatch.setattr(stylesheet.Stylesheet, "apply", apply)
    return nodes


async def begin_speaking(session):
    await session.until(lambda: session.screen.query_one(VoicePicker).choice is not None)
    await session.until(lambda: not session.screen.has_task("load"))
    await session.write(LONG)
    await session.press("ctrl+r")
    await session.until(lambda: len(session.sent(SoundGrew)) > 3)


def test_the_loop_is_not_blocked_while_the_model_speaks(use):
    gaps = []

    async def steps(session):
        await begin_speaking(session)
        while len(gaps) < TRIES and (not gaps or min(gaps) > MOST_BLOCKED_S):
            gaps.append(await longest_gap(0.5))
        assert session.screen.has_task("speak"), "the speech was over before it was measured"

    use(steps, mode="speak", open_engine=load)
    assert min(gaps) <= MOST_BLOCKED_S, gaps


def test_little_is_done_on_the_loop_when_a_mode_is_shown_first(use, opened, parsed, styled):
    """What it takes in time is for `tests/bench/app_turns.py` to tell."""
    keys = {row.id.removeprefix("app.mode_"): row.keys[0] for row in keys_of(APP)}
    prepared = threading.Event()

    async def steps(session):
        await session.until(prepared.is_set)
        await session.until(lambda: not session.screen.has_task("load"))
        for mode in MODES[1:]:
            for done in (opened, parsed, styled):
                done.clear()
            await session.press(keys[mode.id])
            await session.pilot.pause(0.1)
            assert session.screen.mode == mode.id
            assert opened == [mode.styles.name]
            assert (str(mode.styles), "") in parsed
            assert len(parsed) < len(session.app.stylesheet.source) / 2, "all styles were parsed again"
            assert len(styled) < 2 * len(set(styled)), "all widgets were styled again"

    use(steps, prepared=prepared.set)


def test_escape_stops_the_model_at_once(use):
    waits = []

    async def steps(session):
        await begin_speaking(session)
        for _ in range(TRIES):
            start = time.perf_counter()
            await session.pilot.press("escape")
            while session.screen.has_task("speak"):
                await asyncio.sleep(0.001)
            waits.append(time.perf_counter() - start)
            if waits[-1] <= MOST_ESCAPE_S:
                break
            await session.press("ctrl+r")
        before = len(session.sent(SoundGrew))
        await session.until(lambda: session.app.service.state == "idle")
        assert len(session.sent(SoundGrew)) == before

    use(steps, mode="speak", open_engine=load)
    assert min(waits) <= MOST_ESCAPE_S, waits


def at_work(terminal: Terminal) -> None:
    terminal.until(b"Commands")
    terminal.write(b"\x1bOR")
    terminal.until(b"Verify")
    terminal.write(b"\x1b[200~" + LONG.encode() + b"\x1b[201~")
    terminal.until(b"nine")
    terminal.write(b"\x12")
    terminal.until(b"working")


def at_rest(terminal: Terminal) -> None:
    terminal.until(b"ready")


@pytest.mark.parametrize("prepare", [at_rest, at_work])
def test_quitting_takes_a_second_at_most_and_gives_the_terminal_back(prepare):
    took = []
    while len(took) < TRIES and (not took or min(took) > MOST_QUIT_S):
        with Terminal("--model", "demo") as terminal:
            prepare(terminal)
            code, seconds = terminal.leave(asked=prepare is at_work)
        took.append(seconds)
        assert code == 0, terminal.picture[-2000:]
        assert terminal.is_restored
        assert b"Traceback" not in terminal.picture
    assert min(took) <= MOST_QUIT_S, took


def test_the_size_is_that_of_the_terminal_when_the_output_is_redirected(tmp_path):
    with Terminal("--model", "demo", stdout=tmp_path / "out", rows=40, columns=130) as terminal:
        last_line = b"\x1b[40;1H"
        terminal.until(last_line)
        for key in (b"\x1bOR", b"\x1bOS"):
            for tries_left in reversed(range(4)):
                terminal.write(key)  # one that comes before the app listens is lost
                with contextlib.suppress(*([AssertionError] if tries_left else [])):
                    terminal.until(last_line, timeout_s=15)
                    break
        terminal.leave()


def test_it_says_that_it_needs_a_terminal():
    result = subprocess.run(
        [sys.executable, "-m", "gpa_mlx", "tui"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert result.returncode == 1
    assert "needs a terminal" in result.stderr
    assert "\x1b" not in result.stderr


def test_help_shows_the_keys_without_loading_anything():
    code = (
        "import sys\nfrom gpa_mlx.cli.commands import cli\nfrom gpa_mlx.cli.program import run\n"
        "assert run(cli, ['tui', '--help']) == 0\n"
        "assert not {'numpy', 'textual', 'rich', 'mlx'} & set(sys.modules), sorted(sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert result.returncode == 0, result.stderr
    assert "Ctrl+Q" in result.stdout
    assert "Keys in Speak" in result.stdout
