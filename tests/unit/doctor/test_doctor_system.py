"""Findings about the machine, MLX, the terminal, the clipboard and the tools."""

from __future__ import annotations

import pytest

from gpa_mlx.doctor.backend_check import Backend, examine_backend, load_backend
from gpa_mlx.doctor.clipboard_check import examine_clipboard
from gpa_mlx.doctor.host import this_host
from gpa_mlx.doctor.machine_check import examine_machine
from gpa_mlx.doctor.tools_check import examine_tools
from gpa_mlx.runtime.terminal_app import microphone_permission, terminal_app

METAL = Backend("0.32.4", "gpu", True, None)
LINUX = Backend("0.32.4", "cpu", False, "libopenblas.so.0")


def test_a_mac_that_is_well(make_host):
    (found,) = examine_machine(make_host())
    assert (found.status, found.fix) == ("ok", "")
    for fact in ("macOS 15.1", "Apple M3", "8 cores", "18 GB", "3.12.4", "arm64"):
        assert fact in found.what


@pytest.mark.parametrize(
    ("fields", "words", "fix"),
    [
        ({"system_version": "13.6.1"}, "macOS 14", "Software Update"),
        ({"system_version": ""}, "macOS 14", "Software Update"),
        ({"architecture": "x86_64", "answers": {"sysctl.proc_translated": "1"}}, "Rosetta", "/opt/homebrew"),
        ({"architecture": "x86_64"}, "Intel processors", "Apple silicon"),
        ({"platform": "linux", "system_version": "2.31"}, "glibc 2.35", "Upgrade"),
    ],
)
def test_machines_that_mlx_does_not_run_on(make_host, fields, words, fix):
    (found,) = examine_machine(make_host(**fields))
    assert found.status == "missing"
    assert words in found.what
    assert fix in found.fix


@pytest.mark.parametrize("version", ["2.35", "2.41", ""])
def test_linux_that_is_well(make_host, version):
    (found,) = examine_machine(make_host(platform="linux", architecture="aarch64", system_version=version))
    assert (found.area, found.status) == ("machine", "ok")


def test_this_machine_is_well():
    found = examine_machine(this_host())
    assert found[0].status == "ok"
    assert this_host().cores >= 1
    assert this_host().memory_bytes > 10**8


def test_commands_of_this_machine():
    host = this_host()
    assert host.output(["printf", "%s", " hello \n"]) == "hello"
    assert host.output(["false"]) == ""
    assert host.output(["no-such-program-here"]) == ""


def test_mlx_on_apples_gpu(make_host):
    (found,) = examine_backend(make_host(), lambda: METAL)
    assert (found.status, found.what) == ("ok", "MLX 0.32.4 computes on the GPU.")


def test_mlx_without_metal(make_host):
    found = examine_backend(make_host(), lambda: Backend("0.32.4", "cpu", False, None))
    assert [each.status for each in found] == ["ok", "warning"]
    assert "Metal" in found[1].what


@pytest.mark.parametrize(("blas", "status"), [("libopenblas.so.0", "ok"), (None, "warning")])
def test_blas_on_linux(make_host, blas, status):
    found = examine_backend(make_host(platform="linux"), lambda: Backend("0.32.4", "cpu", False, blas))
    assert [each.status for each in found] == ["ok", status]
    assert ("apt install libopenblas0" in found[1].fix) == (blas is None)


@pytest.mark.parametrize("error", [ImportError("no module\nnamed mlx"), OSError("libmlx.so"), RuntimeError("")])
@pytest.mark.parametrize(("platform", "package"), [("darwin", "'mlx'"), ("linux", "'mlx[cpu]'")])
def test_mlx_that_does_not_load(make_host, error, platform, package):
    def load() -> Backend:
        raise error

    (found,) = examine_backend(make_host(platform=platform), load)
    assert found.status == "missing"
    assert (str(error) or "RuntimeError").split()[-1] in found.what
    assert "\n" not in found.what
    assert package in found.fix


def test_the_real_mlx():
    assert load_backend().device in ("cpu", "gpu")


@pytest.mark.parametrize(
    ("environ", "app"),
    [
        ({"TERM_PROGRAM": "Apple_Terminal"}, "Terminal"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iTerm"),
        ({"TERM_PROGRAM": "vscode"}, "Visual Studio Code"),
        ({"TERM_PROGRAM": "WarpTerminal"}, "Warp"),
        ({"TERM_PROGRAM": "ghostty"}, "Ghostty"),
        ({"TERM_PROGRAM": "WezTerm"}, "WezTerm"),
        ({"KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM_PROGRAM": "tmux", "__CFBundleIdentifier": "com.googlecode.iterm2"}, "iTerm"),
        ({"TERM_PROGRAM": "tmux", "GHOSTTY_RESOURCES_DIR": "/x"}, "Ghostty"),
        ({"TERM_PROGRAM": "tmux"}, None),
        ({}, None),
    ],
)
def test_terminal_apps(environ, app):
    assert terminal_app(environ) == app
    advice = microphone_permission(environ)
    assert advice.startswith("System Settings > Privacy & Security > Microphone: switch ")
    assert (app or "your terminal app") in advice


def test_a_terminal_that_the_system_does_not_list():
    assert "tccutil reset Microphone com.mitchellh.ghostty`" in microphone_permission({"TERM_PROGRAM": "ghostty"})
    assert "in Apple's Terminal it always does" in microphone_permission({"TERM_PROGRAM": "ghostty"})
    assert "tccutil reset Microphone`" in microphone_permission({})
    assert "Apple's Terminal" not in microphone_permission({"TERM_PROGRAM": "Apple_Terminal"})


def test_tmux_keeps_its_permission():
    assert "tmux kill-server" in microphone_permission({"TMUX": "x", "TERM_PROGRAM": "tmux"})
    assert "tmux" not in microphone_permission({"TERM_PROGRAM": "Apple_Terminal"})


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, "ok", "pbcopy"),
        ({"environ": {"SSH_TTY": "t"}}, "note", "OSC 52"),
        ({"platform": "linux"}, "warning", "no desktop"),
        ({"platform": "linux", "environ": {"DISPLAY": ":0", "PATH": "/nowhere"}}, "warning", "xclip or xsel"),
    ],
)
def test_clipboards(make_host, fields, status, words):
    (found,) = examine_clipboard(make_host(**fields))
    assert found.status == status
    assert words in found.what
    assert bool(found.fix) == (status != "ok")


def test_clipboard_through_tmux(make_host):
    (found,) = examine_clipboard(make_host(environ={"SSH_TTY": "t", "TMUX": "x"}))
    assert found.fix.startswith("`tmux set -g allow-passthrough on`")


@pytest.mark.parametrize(
    ("platform", "programs", "status", "fix"),
    [
        ("darwin", ("afconvert", "ffmpeg"), "ok", ""),
        ("darwin", ("afconvert",), "ok", "`brew install ffmpeg`"),
        ("darwin", (), "warning", "`brew install ffmpeg`"),
        ("linux", ("ffmpeg",), "ok", ""),
        ("linux", (), "warning", "`apt install ffmpeg`"),
    ],
)
def test_tools(make_host, platform, programs, status, fix):
    files, network = examine_tools(make_host(platform=platform, programs=programs))
    assert (files.status, files.fix) == (status, fix)
    assert (network.area, network.status) == ("network", "ok")
