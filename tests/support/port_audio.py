"""A stand-in for `sounddevice` whose devices come and go."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any


class PortAudioError(Exception):
    pass


class HotPlug:
    """Knows only the devices that were there when it was initialised, as PortAudio does.

    Attributes:
        plugged: Names of the inputs and outputs that are connected.
        looks: How often it was initialised.
        refuses: It cannot be initialised.
        streams: All that were opened.
        starts: Unset: the streams opened from now on do not start until it is set.
        events: What was done to which stream, in order.
        at_once: Most threads that used it at the same time.
    """

    PortAudioError = PortAudioError

    def __init__(self, *plugged: str):
        self.plugged = list(plugged)
        self.looks, self.refuses, self.at_once = 0, False, 0
        self.streams: list[Stream] = []
        self.starts = threading.Event()
        self.starts.set()
        self.events: list[str] = []
        self._known: list[str] | None = None
        self._users = 0
        self._lock = threading.Lock()
        self._initialize()

    @property
    def default(self) -> SimpleNamespace:
        return SimpleNamespace(device=(0, 0) if self._known else (-1, -1))

    def _terminate(self):
        if self._known is None:
            raise PortAudioError("PortAudio not initialized", -10000)
        for stream in self.streams:
            assert stream.is_closed, "a stream was ended"
        self._known = None

    def _initialize(self):
        if self.refuses:
            raise PortAudioError("Error initializing PortAudio: Host error", -9999)
        with self._lock:
            self._users += 1
            self.at_once = max(self.at_once, self._users)
        time.sleep(0.01)
        with self._lock:
            self._users -= 1
        self.looks += 1
        self._known = list(self.plugged)

    def query_hostapis(self):
        return [{"name": "Core Audio"}]

    def query_devices(self, name=None, kind=None):
        if self._known is None:
            raise PortAudioError("PortAudio not initialized", -10000)
        devices: list[dict[str, Any]] = [
            {
                "index": index,
                "name": known,
                "hostapi": 0,
                "max_input_channels": 1,
                "max_output_channels": 1,
                "default_samplerate": 16_000.0,
            }
            for index, known in enumerate(self._known)
        ]
        if kind is None:
            return devices
        if not devices:
            raise PortAudioError("Error querying device -1")
        found = [device for device in devices if name is None or name in (device["index"], device["name"])]
        if not found:
            raise ValueError("no such device")
        return found[0]

    def InputStream(self, **settings):  # noqa: N802
        return self._open(settings, "input")

    def OutputStream(self, **settings):  # noqa: N802
        return self._open(settings, "output")

    def _open(self, settings, kind):
        self.query_devices(settings["device"], kind)
        self.events.append(f"open {len(self.streams)}")
        self.streams.append(Stream(len(self.streams), self.events, self.starts))
        return self.streams[-1]


class Stream:
    """A stream of `HotPlug`.

    Attributes:
        hangs: Unset: it is not closed until it is set.
        starts: Unset: it does not start until it is set.
        drains: Unset: `stop` does not come back until it is set.
    """

    latency = 0.1

    def __init__(self, number: int, events: list[str], starts: threading.Event):
        self._number, self._events, self.starts = number, events, starts
        self.is_closed = False
        self.hangs, self.drains = threading.Event(), threading.Event()
        self.hangs.set()
        self.drains.set()

    def start(self):
        self.starts.wait()
        self._events.append(f"start {self._number}")

    def stop(self, ignore_errors):
        self.drains.wait()
        self._events.append(f"stop {self._number}")

    def abort(self, ignore_errors):
        self.hangs.wait()

    def close(self, ignore_errors):
        self._events.append(f"close {self._number}")
        self.is_closed = True
