"""A server that is always there: an agent of launchd on macOS, a unit of systemd on Linux, both of the user's own.

What is written is a file of the manager's; what is done with it goes through one function that runs a command.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from gpa_mlx.errors import GPAError
from gpa_mlx.store.files import write_atomically

LABEL = "gpa-mlx.serve"
UNIT = "gpa-mlx-serve.service"

_TIMEOUT_S = 30.0
_RESTART_S = 5
_MORE_THAN_DRAIN_S = 15
_BOOTSTRAP_TRIES, _BOOTSTRAP_PAUSE_S = 10, 0.5
_NOT_LOADED = (3, 113)
"""Exit codes of `launchctl bootout` where there is nothing of that name."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended.

    Attributes:
        code: Its exit code; 0 is well.
        said: What it wrote to standard error, or else to standard output.
    """

    code: int
    said: str = ""


Runner: TypeAlias = Callable[[Sequence[str]], Ran]
"""Runs a command, and raises `FileNotFoundError` if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is to run.

    Attributes:
        command: The program, by its absolute path, and its arguments.
        environment: Its variables.
        drain_s: How long it may take to end.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    drain_s: int


class ServiceManager(Protocol):
    """What starts programs at login and again when they end."""

    @property
    def file(self) -> Path:
        """Where it looks for what it starts."""
        ...

    @property
    def log(self) -> str:
        """How what the server says is read."""
        ...

    def describe(self, service: Service) -> str:
        """Return the content of the file."""
        ...

    def install(self, service: Service) -> None:
        """Write the file, in the place of an older one, and have it started.

        Raises:
            GPAError: The manager is not here, refuses, or the file cannot be written.
        """
        ...

    def uninstall(self) -> bool:
        """End the service and remove its file; return whether there was one.

        Raises:
            GPAError: The file cannot be removed, or the manager refuses.
        """
        ...


def run_command(command: Sequence[str]) -> Ran:
    """Run a command of this machine, as a `Runner` does."""
    try:
        ended = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Ran(1, f"it took longer than {_TIMEOUT_S:g} s")
    return Ran(ended.returncode, (ended.stderr or ended.stdout).decode(errors="replace").strip())


def service_manager(
    platform: str = sys.platform,
    *,
    home: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    run: Runner = run_command,
) -> ServiceManager:
    """Return the manager of a system.

    Args:
        platform: As `sys.platform`.
        home: The user's folder; None takes the real one.
        environ: Environment variables.
        run: Runs its commands.
    """
    home = home or Path.home()
    if platform == "darwin":
        return Launchd(home, os.getuid(), run)
    configured = Path(environ.get("XDG_CONFIG_HOME", ""))
    return Systemd(configured if configured.is_absolute() else home / ".config", run)


def own_program(called_as: str = sys.argv[0], python: str = sys.executable) -> tuple[str, ...]:
    """Return the command that runs this program from anywhere: its script, or else Python with the package.

    The path is that of a link if it is one, as of Homebrew and uv: after an update it leads to the new version.
    """
    found = shutil.which(called_as)
    if found is not None and Path(found).name == "gpa-mlx":
        return (os.path.abspath(found),)  # noqa: PTH100 - resolving would follow the link
    return (python, "-m", "gpa_mlx")


def service_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that a service needs: where programs are, such as ffmpeg, and where the user's files are.

    A service manager's own `PATH` has neither Homebrew's folder nor the user's.
    """
    kept = {name: environ[name] for name in ("GPA_MLX_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME") if environ.get(name)}
    folders = [folder for folder in environ.get("PATH", "").split(os.pathsep) if Path(folder).is_absolute()]
    return {"PATH": os.pathsep.join(dict.fromkeys(folders)), **kept} if folders else kept


class Launchd:
    """The service manager of macOS; its agents run while the user is logged in.

    Args:
        home: The user's folder.
        user: The user's number.
        run: Runs its commands.
        pause: Waits some seconds.
    """

    def __init__(self, home: Path, user: int, run: Runner, pause: Callable[[float], object] = time.sleep) -> None:
        self.file = home / "Library/LaunchAgents" / f"{LABEL}.plist"
        self._log = home / "Library/Logs/gpa-mlx/serve.log"
        self._domain = f"gui/{user}"
        self._run, self._pause = run, pause

    @property
    def log(self) -> str:
        """How what the server says is read."""
        return str(self._log)

    def describe(self, service: Service) -> str:
        """Return a property list."""
        return plistlib.dumps(
            {
                "Label": LABEL,
                "ProgramArguments": list(service.command),
                "EnvironmentVariables": dict(service.environment),
                "RunAtLoad": True,
                "KeepAlive": True,
                "ThrottleInterval": _RESTART_S,
                "ExitTimeOut": service.drain_s + _MORE_THAN_DRAIN_S,
                "ProcessType": "Interactive",  # others are slowed down, and answers are waited for
                "StandardOutPath": str(self._log),
                "StandardErrorPath": str(self._log),
            },
            sort_keys=False,
        ).decode()

    def install(self, service: Service) -> None:
        """As `ServiceManager.install`."""
        _write(self.file, self.describe(service))
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self._log.parent, error) from error
        self._bootout()
        _ask(self._run, ["launchctl", "enable", f"{self._domain}/{LABEL}"], "launchd")
        self._bootstrap()

    def uninstall(self) -> bool:
        """As `ServiceManager.uninstall`."""
        was_loaded = self._bootout()
        return _remove(self.file) or was_loaded

    def _bootout(self) -> bool:
        command = ["launchctl", "bootout", f"{self._domain}/{LABEL}"]
        return _ask(self._run, command, "launchd", also_well=_NOT_LOADED).code == 0

    def _bootstrap(self) -> None:
        """Load the agent; until the one before it has ended, launchd refuses."""
        command = ["launchctl", "bootstrap", self._domain, str(self.file)]
        for _ in range(_BOOTSTRAP_TRIES):
            if _run(self._run, command, "launchd").code == 0:
                return
            self._pause(_BOOTSTRAP_PAUSE_S)
        _ask(self._run, command, "launchd")


class Systemd:
    """The service manager of most Linux systems, and of it the user's own instance.

    Args:
        config: The user's folder of configurations.
        run: Runs its commands.
    """

    log = f"journalctl --user -u {UNIT}"

    def __init__(self, config: Path, run: Runner) -> None:
        self.file = config / "systemd/user" / UNIT
        self._run = run

    def describe(self, service: Service) -> str:
        """Return a unit file."""
        environment = "".join(
            f"Environment={_quoted(f'{name}={value}')}\n" for name, value in service.environment.items()
        )
        return (
            "[Unit]\n"
            "Description=gpa-mlx: speech for programs on this machine\n"
            "StartLimitIntervalSec=300\n"
            "StartLimitBurst=10\n"
            "\n"
            "[Service]\n"
            f"ExecStart={' '.join(_quoted(word).replace('$', '$$') for word in service.command)}\n"
            f"{environment}"
            "Restart=always\n"
            f"RestartSec={_RESTART_S}\n"
            f"TimeoutStopSec={service.drain_s + _MORE_THAN_DRAIN_S}\n"
            "\n"
            "[Install]\n"
            "WantedBy=default.target\n"
        )

    def install(self, service: Service) -> None:
        """As `ServiceManager.install`."""
        self._ask("show-environment")  # nothing is written where nobody would read it
        _write(self.file, self.describe(service))
        self._ask("daemon-reload")
        self._ask("enable", UNIT)
        self._ask("restart", UNIT)

    def uninstall(self) -> bool:
        """As `ServiceManager.uninstall`."""
        if not self.file.exists():
            return False
        self._ask("disable", "--now", UNIT)
        _remove(self.file)
        self._ask("daemon-reload")
        return True

    def _ask(self, *words: str) -> None:
        _ask(self._run, ["systemctl", "--user", *words], "systemd")


def _quoted(text: str) -> str:
    """Return a word as a unit file has it: systemd replaces what begins with a percent sign."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{escaped}"'


def _run(run: Runner, command: Sequence[str], manager: str) -> Ran:
    try:
        return run(command)
    except OSError as error:
        raise GPAError(
            f"There is no {manager} here: {command[0]} cannot be run.",
            hint="Start `gpa-mlx serve` by what starts programs here, such as a container or @reboot of cron.",
        ) from error


def _ask(run: Runner, command: Sequence[str], manager: str, *, also_well: Sequence[int] = ()) -> Ran:
    ran = _run(run, command, manager)
    if ran.code != 0 and ran.code not in also_well:
        raise GPAError(
            f"{manager} refused `{' '.join(command)}`: {' '.join(ran.said.split()) or f'exit code {ran.code}'}.",
            hint="Run it in a session of your own desktop or login, not under sudo or in a container.",
        )
    return ran


def _write(file: Path, content: str) -> None:
    try:
        write_atomically(file, content)
    except OSError as error:
        raise _unwritable(file, error) from error


def _remove(file: Path) -> bool:
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unwritable(file, error) from error
    return True


def _unwritable(path: Path, error: OSError) -> GPAError:
    return GPAError(f"{path} cannot be written: {error.strerror}.", hint="Check whose it is, and its permissions.")
