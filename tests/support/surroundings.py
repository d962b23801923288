"""The same surroundings for every test run: signals, terminal, language, threads; however the run was started."""

from __future__ import annotations

import os
import signal
import sys

# What a terminal, a shell or a session over the network tells programs; each changes what is printed or drawn.
_TERMINAL_VARIABLES = (
    "COLUMNS",
    "LINES",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLORTERM",
    "COLORFGBG",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
    "TEXTUAL",
    "SSH_TTY",
    "SSH_CONNECTION",
    "SSH_CLIENT",
)


PROCESSOR_VARIABLES = ("OPENBLAS_NUM_THREADS",)
"""What `share_processors` sets; a process that is started with an environment of its own needs it, too."""


def make_uniform() -> None:
    """Set what the tests and the processes they start inherit."""
    for name in list(os.environ):
        is_textual = name.startswith("TEXTUAL_")
        if name in _TERMINAL_VARIABLES or is_textual or name.startswith(("LC_", "LANG", "GPA_MLX_")):
            del os.environ[name]
    os.environ["TERM"] = "xterm-256color"
    os.environ["LC_ALL"] = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    # On an M5 MLX multiplies float32 matrices at the precision of TF32 unless told otherwise before it is imported:
    # nothing is exact then.
    os.environ["MLX_ENABLE_TF32"] = "0"
    # A shell without job control starts background processes with SIGINT ignored, `nohup` with SIGHUP, and what is
    # ignored stays so in every process started from there: Ctrl-C, which tests send, would do nothing.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP, signal.SIGTTIN, signal.SIGCHLD):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def share_processors() -> None:
    """Give each of several test processes one BLAS thread: two that use all cores wait for each other."""
    if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
        for name in PROCESSOR_VARIABLES:
            os.environ.setdefault(name, "1")
