"""Signals as the end of a run, and standard streams that are closed or full."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import click
import pytest

from gpa_mlx.cli import interruption as interruption_module
from gpa_mlx.cli.interruption import SIGNALS, Interruption, SignalInterrupt, handled
from gpa_mlx.cli.program import Session, run


@pytest.fixture(autouse=True)
def handlers_afterwards():
    """The handlers of the test process, whatever a test leaves."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_each_signal_is_an_interrupt_with_its_own_exit_code(number):
    interruption = Interruption()
    with interruption.heeded(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    assert interruption.number == number
    assert interruption.exit_code == 128 + number


def test_a_second_signal_leaves_the_clean_up_alone(monkeypatch):
    interruption, cleaned = Interruption(), []
    with interruption.heeded():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except SignalInterrupt:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGHUP)
            cleaned.append(True)
        monkeypatch.setattr(interruption_module, "_PATIENCE_S", 0.0)
        with pytest.raises(SignalInterrupt):  # a clean-up that hangs can be ended
            os.kill(os.getpid(), signal.SIGINT)
    assert cleaned == [True]
    assert interruption.exit_code == 130


def test_at_its_end_a_run_is_not_interrupted_any_more():
    with Interruption().heeded():
        pass
    for number in SIGNALS:
        os.kill(os.getpid(), number)


def test_ignored_signals_stay_ignored():
    """As `nohup` ignores SIGHUP, and a shell without job control SIGINT in the background."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with handled(lambda number, frame: pytest.fail("called")):
        os.kill(os.getpid(), signal.SIGHUP)


def test_an_interrupt_in_a_finaliser_is_not_lost():
    class Unlucky:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    interruption = Interruption()
    with interruption.heeded():
        Unlucky()
        with pytest.raises(KeyboardInterrupt):
            signal.pause()
    assert interruption.exit_code == 130


def test_what_an_interrupt_became_is_no_failure(capsys):
    """Amidst an import or in C code it can become any other exception."""
    session = Session()

    @click.command()
    def command() -> None:
        session.interruption.note(signal.SIGTERM)
        raise ImportError("numpy.core.multiarray failed to import")

    assert run(command, [], session) == 143
    assert capsys.readouterr().err == "ended by a signal\n"


def shell(line, **options):
    command = f"{sys.executable} -m gpa_mlx {line}"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, **options)
    return result.returncode, result.stdout, result.stderr


@pytest.mark.slow
def test_closed_and_full_streams():
    out = "error: Standard output cannot be written: {}.\nhint: Name a file with -o, or redirect it to another place.\n"
    assert shell("--version 2>&-")[0] == 0
    assert shell("settings path 2>&- <&-")[0] == 0
    assert shell("--version >&-") == (1, "", out.format("Bad file descriptor"))
    assert shell("--version >/dev/full") == (1, "", out.format("No space left on device"))
    assert shell("speak - --voice slt --model demo -o o.wav <&-")[::2] == (
        1,
        "error: standard input cannot be read: Bad file descriptor.\nhint: Save it to a file, and name that.\n",
    )
