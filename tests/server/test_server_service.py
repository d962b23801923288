"""A service is written as its manager reads it, loaded by the manager's own commands, and says plainly what fails."""

from __future__ import annotations

import plistlib
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gpa_mlx.cli.commands import cli
from gpa_mlx.cli.program import run
from gpa_mlx.errors import GPAError
from gpa_mlx.server import service
from gpa_mlx.server.service import LABEL, UNIT, Launchd, Ran, Service, own_program, service_environment, service_manager

SERVICE = Service(
    command=("/opt/a b/gpa-mlx", "serve", "--voice", 'say "50 %" for $5 \\ 1', "--port", "8765"),
    environment={"PATH": "/opt/homebrew/bin:/usr/bin", "GPA_MLX_HOME": "/srv/me/100%"},
    drain_s=30,
)


class FakeRunner:
    """Writes down what is run; `answers` has how a command ends, by its words, one after the other."""

    def __init__(self, answers: dict[str, list[Ran]] | None = None, missing: bool = False) -> None:
        self.ran: list[str] = []
        self._answers, self._missing = answers or {}, missing

    def __call__(self, command: Sequence[str]) -> Ran:
        if self._missing:
            raise FileNotFoundError(command[0])
        self.ran.append(" ".join(command))
        answers = next((answers for words, answers in self._answers.items() if words in self.ran[-1]), [])
        return (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else Ran(0)


def manager(tmp_path: Path, platform: str, runner: FakeRunner) -> service.ServiceManager:
    return service_manager(platform, home=tmp_path, environ={}, run=runner)


def test_launchd_gets_a_property_list_with_what_is_to_run(tmp_path):
    agent = manager(tmp_path, "darwin", runner := FakeRunner())
    agent.install(SERVICE)
    assert agent.file == tmp_path / f"Library/LaunchAgents/{LABEL}.plist"
    written = plistlib.loads(agent.file.read_bytes())
    assert written["Label"] == LABEL
    assert tuple(written["ProgramArguments"]) == SERVICE.command
    assert written["EnvironmentVariables"] == SERVICE.environment
    assert written["KeepAlive"] is True
    assert written["RunAtLoad"] is True
    assert written["ExitTimeOut"] > SERVICE.drain_s
    assert written["StandardErrorPath"] == written["StandardOutPath"] == agent.log
    assert Path(agent.log).parent.is_dir(), "launchd makes no folder"
    verbs = [words.split()[1] for words in runner.ran]
    assert verbs == ["bootout", "enable", "bootstrap"]
    assert runner.ran[-1].endswith(str(agent.file))


def test_launchd_is_asked_again_while_the_agent_before_ends(tmp_path):
    runner = FakeRunner({"bootstrap": [Ran(5, "Input/output error"), Ran(37, "in progress"), Ran(0)]})
    pauses: list[float] = []
    Launchd(tmp_path, 501, runner, pauses.append).install(SERVICE)
    assert len(pauses) == 2
    assert sum("bootstrap gui/501" in words for words in runner.ran) == 3


def test_launchd_that_refuses_for_good_is_quoted(tmp_path):
    runner = FakeRunner({"bootstrap": [Ran(125, "Domain does not support\nspecified action")]})
    with pytest.raises(GPAError, match="Domain does not support specified action") as told:
        Launchd(tmp_path, 501, runner, lambda _: None).install(SERVICE)
    assert told.value.hint


def test_systemd_gets_a_unit_that_it_reads_as_it_is_meant(tmp_path):
    unit = manager(tmp_path, "linux", runner := FakeRunner())
    unit.install(SERVICE)
    assert unit.file == tmp_path / f".config/systemd/user/{UNIT}"
    lines = unit.file.read_text().splitlines()
    start = next(line for line in lines if line.startswith("ExecStart="))
    assert start == ('ExecStart="/opt/a b/gpa-mlx" "serve" "--voice" "say \\"50 %%\\" for $$5 \\\\ 1" "--port" "8765"')
    assert shlex.split(start.partition("=")[2].replace("%%", "%").replace("$$", "$")) == list(SERVICE.command)
    assert 'Environment="GPA_MLX_HOME=/srv/me/100%%"' in lines
    assert "Restart=always" in lines
    assert [words.removeprefix("systemctl --user ") for words in runner.ran] == [
        "show-environment",
        "daemon-reload",
        f"enable {UNIT}",
        f"restart {UNIT}",
    ]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_itself_finds_nothing_wrong_with_the_unit(tmp_path):
    program = shutil.which("true")
    assert program is not None
    unit = tmp_path / UNIT
    described = manager(tmp_path, "linux", FakeRunner()).describe(
        Service(command=(program, *SERVICE.command[1:]), environment=SERVICE.environment, drain_s=3)
    )
    unit.write_text(described)

    def verified() -> subprocess.CompletedProcess[str]:
        command = ["systemd-analyze", "verify", "--user", "--man=no", str(unit)]
        environment = {"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
        return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment)

    checked = verified()
    assert (checked.returncode, checked.stderr + checked.stdout) == (0, "")
    unit.write_text(described.replace("Restart=always", "Restart=ever"))
    assert "restart specifier" in verified().stderr


@pytest.mark.parametrize("platform", ["darwin", "linux"])
def test_installing_twice_and_removing_twice_changes_nothing(tmp_path, platform):
    there = manager(tmp_path, platform, FakeRunner())
    there.install(SERVICE)
    first = there.file.read_bytes()
    there.install(SERVICE)
    assert there.file.read_bytes() == first
    assert [path.name for path in there.file.parent.iterdir()] == [there.file.name]
    assert there.uninstall()
    assert not there.file.exists()
    gone = manager(tmp_path, platform, FakeRunner({"bootout": [Ran(3, "No such process")]}))
    assert not gone.uninstall()


@pytest.mark.parametrize(("platform", "name"), [("darwin", "launchd"), ("linux", "systemd")])
def test_a_machine_without_the_manager_is_told(tmp_path, platform, name):
    with pytest.raises(GPAError, match=f"There is no {name} here"):
        manager(tmp_path, platform, FakeRunner(missing=True)).install(SERVICE)


def test_nothing_is_written_where_systemd_runs_nothing_of_the_users(tmp_path):
    runner = FakeRunner({"show-environment": [Ran(1, "Failed to connect to bus: No medium found")]})
    unit = manager(tmp_path, "linux", runner)
    with pytest.raises(GPAError, match="Failed to connect to bus"):
        unit.install(SERVICE)
    assert not unit.file.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "Library").write_text("a file")
    with pytest.raises(GPAError, match="cannot be written"):
        manager(tmp_path, "darwin", FakeRunner()).install(SERVICE)


def test_the_program_is_its_script_or_python_with_the_package(tmp_path):
    script, link = tmp_path / "cellar-1.0", tmp_path / "gpa-mlx"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    link.symlink_to(script)
    assert own_program(str(link), "/py") == (str(link),), "a link is kept: it survives an update"
    assert own_program("/usr/bin/pytest", "/py") == ("/py", "-m", "gpa_mlx")


def test_the_environment_is_only_what_a_service_needs():
    given = {"PATH": "/b:relative::/a:/b", "GPA_MLX_HOME": "/h", "GPA_MLX_API_KEY": "secret", "SHELL": "/bin/sh"}
    assert service_environment(given) == {"PATH": "/b:/a", "GPA_MLX_HOME": "/h"}


@pytest.fixture
def installed(monkeypatch, tmp_path, capsys) -> Callable[..., tuple[int, str, str, FakeRunner]]:
    """Run `gpa-mlx serve ARGUMENTS` where systemd is a fake."""
    runner = FakeRunner()
    monkeypatch.setattr(service, "service_manager", lambda: service_manager("linux", home=tmp_path, run=runner))
    monkeypatch.setattr(service, "own_program", lambda: ("/bin/gpa-mlx",))
    monkeypatch.delenv("GPA_MLX_API_KEY", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> tuple[int, str, str, FakeRunner]:
        code = run(cli, ["serve", *arguments])
        return code, *capsys.readouterr(), runner

    return invoke


def test_the_command_keeps_its_options_with_absolute_paths(installed, tmp_path):
    (tmp_path / "key").write_text("secret\n")
    options = ("--model", "demo", "--port", "9000", "--api-key-file", "key", "--allow-host", "a", "--allow-host", "b")
    code, out, err, _ = installed(*options, "--max-memory", "2GB", "--install")
    assert code == 0, err
    start = next(line for line in out.splitlines() if line.startswith("ExecStart="))
    words = shlex.split(start.partition("=")[2])
    assert words[:2] == ["/bin/gpa-mlx", "serve"]
    assert " ".join(words[2:]) == (
        f"--max-memory 2GB --model demo --port 9000 --api-key-file {tmp_path}/key --allow-host a --allow-host b"
    )
    assert "secret" not in out
    assert (tmp_path / f".config/systemd/user/{UNIT}").read_text() == out
    assert "--uninstall" in err
    assert installed("--uninstall")[0] == 0
    code, _, err, _ = installed("--uninstall")
    assert (code, "no service" in err) == (0, True)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--install", "--port", "0"), "--port N"),
        (("--install", "--uninstall"), "one at a time"),
        (("--install", "--host", "0.0.0.0"), "--api-key-file"),
        (("--install", "--model", "/nowhere"), "/nowhere"),
        (("--install", "--voice", "a\nb"), "plainer"),
    ],
)
def test_what_cannot_be_served_is_not_installed(installed, tmp_path, options, says):
    model = () if "--model" in options else ("--model", "demo")
    code, _, err, runner = installed(*model, *options)
    assert code != 0
    assert says in err
    assert not runner.ran
    assert not (tmp_path / ".config").exists()


def test_a_key_of_the_environment_is_not_kept(installed, monkeypatch):
    monkeypatch.setenv("GPA_MLX_API_KEY", "secret")
    code, out, err, runner = installed("--model", "demo", "--install")
    assert (code, runner.ran) == (2, [])
    assert "--api-key-file" in err
    assert "secret" not in out + err
