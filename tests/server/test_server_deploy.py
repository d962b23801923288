"""The configurations in `docs/deploy` do what their comments say: with the balancers themselves, and two servers."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from gpa_mlx.engine.remote import RemoteTranscriber
from gpa_mlx.model import demo
from gpa_mlx.protocols import SpeechEngine
from gpa_mlx.server.options import Limits, ServerOptions
from gpa_mlx.server.running import make_server, open_socket
from gpa_mlx.testing import FakeEngine

DEPLOY = Path(__file__).parents[2] / "docs/deploy"
PATIENCE_S = 20.0


@dataclass
class HeldEngine(FakeEngine):
    """Says its first words, and waits for `go` before it says the rest."""

    go: threading.Event = field(default_factory=threading.Event)

    def stream_transcribe(self, *arguments, **options):
        for number, chunk in enumerate(super().stream_transcribe(*arguments, **options)):
            if number == 1:
                self.go.wait(PATIENCE_S)
            yield chunk


class Running:
    """A server in a thread, on a port that it can be started on again."""

    def __init__(self, engine: SpeechEngine, port: int = 0) -> None:
        self._listening = open_socket(options := ServerOptions(port=port, limits=Limits(drain_s=1)))
        self.port: int = self._listening.getsockname()[1]
        self._server = make_server(engine, options, path=demo.demo_model(), model=demo.NAME)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listening]})
        self._thread.start()
        until(lambda: reply(self.port) == 200)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE_S)
        self._listening.close()


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def reply(port: int) -> int:
    """The status of `/readyz`; 0 where nobody answers."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
        return answer.status
    return 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def adapted(text: str, listen: int, servers: list[int]) -> str:
    """A configuration for other addresses: it has two servers, and one port for clients."""
    ports = iter(servers)
    text, found = re.subn(r"192\.168\.1\.\d+:8765", lambda _: f"127.0.0.1:{next(ports)}", text)
    assert found == len(servers)
    text, found = re.subn(
        r"(listen |bind \*:)8764", lambda match: f"{match[1].replace('*', '127.0.0.1')}{listen}", text
    )
    assert found == 1
    return text.replace("listen ", "listen 127.0.0.1:").replace("fail_timeout=5s", "fail_timeout=1s")


@contextlib.contextmanager
def balancing(name: str, folder: Path, servers: list[int]) -> Iterator[int]:
    """Run a balancer in front of servers; yield its port."""
    program = shutil.which(name, path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin:/usr/bin:/bin:/usr/local/bin")
    if program is None:
        pytest.skip(f"needs {name}")
    port = free_port()
    file = folder / name
    text = adapted((DEPLOY / {"nginx": "nginx.conf", "haproxy": "haproxy.cfg"}[name]).read_text(), port, servers)
    if name == "nginx":
        places = "".join(
            f"{key}_temp_path {folder}/{key}; " for key in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root; " if os.geteuid() == 0 else ""  # its workers write recordings into these folders
        file.write_text(
            f"{user}pid {folder}/pid; error_log {folder}/log; {text.replace('http {', f'http {{ {places}', 1)}"
        )
        check, command = ["-t", "-c", str(file)], ["-c", str(file), "-g", "daemon off;"]
    else:
        file.write_text(text)
        check, command = ["-c", "-f", str(file)], ["-db", "-f", str(file)]
    checked = subprocess.run([program, *check], capture_output=True, text=True, timeout=PATIENCE_S)
    assert checked.returncode == 0, checked.stderr
    assert "[WARNING]" not in checked.stderr
    process = subprocess.Popen([program, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: reply(port) == 200)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


BALANCERS = pytest.mark.parametrize("name", ["nginx", "haproxy"])


@BALANCERS
def test_requests_go_on_when_a_server_ends_and_come_back_when_it_does(name, tmp_path):
    audio = demo.demo_samples()[0].file
    engines = [FakeEngine(path=demo.demo_model()) for _ in range(2)]
    servers = [Running(engine) for engine in engines]
    try:
        with balancing(name, tmp_path, [server.port for server in servers]) as port:
            remote = RemoteTranscriber(f"http://127.0.0.1:{port}")

            def heard() -> str:
                return "".join(chunk.text for chunk in remote.stream_transcribe(audio))

            assert {heard() for _ in range(8)} == {"hello world"}
            servers[0].stop()
            assert {heard() for _ in range(8)} == {"hello world"}
            servers[0] = Running(engines[0], servers[0].port)
            before = len(engines[0].calls)

            def is_back() -> bool:
                assert heard() == "hello world"
                return len(engines[0].calls) > before

            until(is_back)
    finally:
        for server in servers:
            server.stop()


@BALANCERS
def test_words_pass_while_the_rest_is_being_made(name, tmp_path):
    engines = [HeldEngine(path=demo.demo_model()) for _ in range(2)]
    servers = [Running(engine) for engine in engines]
    try:
        with balancing(name, tmp_path, [server.port for server in servers]) as port:
            audio = demo.demo_samples()[0].file
            streams = [RemoteTranscriber(f"http://127.0.0.1:{port}").stream_transcribe(audio) for _ in engines]
            assert [next(stream).text.strip() for stream in streams] == ["hello", "hello"]
            assert [len(engine.calls) for engine in engines] == [1, 1], "the one with the fewest answers is next"
            for engine in engines:
                engine.go.set()
            assert [list(stream)[-1].finish_reason for stream in streams] == ["stop", "stop"]
    finally:
        for server in servers:
            server.stop()


def test_the_container_is_built_from_files_that_are_there_and_started_with_options_that_are():
    from gpa_mlx.cli.serve import serve

    lines = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            *sources, _ = line.split()[1:]
            assert all((DEPLOY.parents[1] / source).exists() for source in sources), line
    (command,) = (line.removeprefix("CMD ") for line in lines if line.startswith("CMD "))
    words = yaml.safe_load(command)
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    service = composed["services"]["gpa-mlx"]
    assert service["command"] == words
    assert set(service["secrets"]) == set(composed["secrets"])
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    context = serve.make_context("serve", list(words[1:]), resilient_parsing=False)
    assert context.params["host"] == "0.0.0.0"
    assert str(context.params["api_key_file"]) == f"/run/secrets/{service['secrets'][0]}"
