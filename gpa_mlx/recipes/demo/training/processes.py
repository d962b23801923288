"""Data-parallel and task-parallel training processes: two single-threaded ones use two cores better than threads."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gpa_mlx.errors import GPAError

if TYPE_CHECKING:
    from collections.abc import Iterator

Task: TypeAlias = Callable[[], None]

_POLL_S = 2.0
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def run_processes(tasks: Sequence[Task], on_wait: Callable[[], None] = lambda: None) -> None:
    """Run tasks at the same time, each in a fresh process, until all are done.

    When one fails or the caller is interrupted or killed, the others are ended: they are meant to be resumable.

    Args:
        tasks: Picklable functions.
        on_wait: Called every two seconds meanwhile.

    Raises:
        GPAError: What the first task that failed raised, or that it died.
    """
    _run_all([(task, {}) for task in tasks], on_wait)


def run_distributed(task: Task, processes: int, on_wait: Callable[[], None] = lambda: None) -> None:
    """Run one task in several fresh processes that share its batches: `mx.distributed`'s ring on this machine.

    Arguments, ends and errors as of `run_processes`.
    """
    with tempfile.TemporaryDirectory() as folder:
        hosts = Path(folder) / "hosts.json"
        hosts.write_text(json.dumps([[f"127.0.0.1:{port}"] for port in _free_ports(processes)]), encoding="utf-8")
        ranks = [{"MLX_HOSTFILE": str(hosts), "MLX_RANK": str(rank)} for rank in range(processes)]
        _run_all([(task, variables) for variables in ranks], on_wait)


def _run_all(tasks: Sequence[tuple[Task, dict[str, str]]], on_wait: Callable[[], None]) -> None:
    """Run tasks, each with its environment variables."""
    context = multiprocessing.get_context("spawn")
    running: dict[int, tuple[BaseProcess, Connection]] = {}
    try:
        for task, variables in tasks:
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_run, args=(task, there), daemon=True)
            with _environment({**_ONE_THREAD, **variables}):
                process.start()
            there.close()
            running[process.sentinel] = process, here
        while running:
            for sentinel in wait(list(running), timeout=_POLL_S):
                assert isinstance(sentinel, int)
                process, connection = running.pop(sentinel)
                process.join()
                _check(process, connection)
            on_wait()
    finally:
        for process, _ in running.values():
            process.terminate()
            process.join()


def _free_ports(count: int) -> list[int]:
    """Find ports on the loopback that nobody listens on."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


def _run(task: Task, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller decides what an interruption ends
    threading.Thread(target=_end_with_caller, daemon=True).start()
    try:
        task()
    except GPAError as error:
        connection.send((error.message, error.hint))


def _end_with_caller() -> None:
    """End when the caller was killed, so that nobody writes to its checkpoints."""
    caller = multiprocessing.parent_process()
    assert caller is not None
    caller.join()
    os._exit(1)


def _check(process: BaseProcess, connection: Connection) -> None:
    if connection.poll():
        try:
            message, hint = connection.recv()
        except EOFError:
            pass
        else:
            raise GPAError(message, hint=hint)
    if process.exitcode:
        raise GPAError(
            f"A training process ended with status {process.exitcode}.", hint="Give the command again to continue."
        )


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
