"""A headless Chromium, driven over the DevTools protocol: one browser, a fresh profile for every page."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

WAIT_S = 15.0

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)

_KEYS = {
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    " ": (32, " "),
    "ArrowLeft": (37, ""),
    "ArrowRight": (39, ""),
}


class Browser:
    """A running Chromium; close it in the end.

    Args:
        folder: For its profile.
        microphone: What its microphone hears, once.
    """

    def __init__(self, folder: Path, microphone: Path) -> None:
        assert CHROMIUM is not None
        profile = folder / "profile"
        flags = (*_FLAGS, f"--use-file-for-fake-audio-capture={microphone}%noloop", f"--user-data-dir={profile}")
        self._process = subprocess.Popen(
            [CHROMIUM, *flags, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        port, path = self._told(profile / "DevToolsActivePort")
        self._open = ExitStack()
        self._socket: ClientConnection = self._open.enter_context(
            connect(f"ws://127.0.0.1:{port}{path}", max_size=None)
        )
        self._numbers = itertools.count(1)
        self._listeners: dict[str, Callable[[str, dict[str, Any]], None]] = {}

    def _told(self, file: Path) -> list[str]:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if file.exists() and len(lines := file.read_text().split()) == 2:
                return lines
            time.sleep(0.02)
        self._process.kill()
        raise AssertionError("Chromium did not start")

    def close(self) -> None:
        """End it."""
        self._open.close()
        self._process.terminate()
        self._process.wait(10)

    def call(self, method: str, session: str = "", /, **params: Any) -> dict[str, Any]:
        """Send a command, and return its answer; what else comes meanwhile goes to its page."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=2 * WAIT_S))
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            if listener := self._listeners.get(answer.get("sessionId", "")):
                listener(answer["method"], answer["params"])

    def page(self, **size: Any) -> Page:
        """Open a page that shares nothing with the others."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, context, session)
        self._listeners[session] = page.listen
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.resize(**size)
        return page


class Page:
    """One page, as somebody uses it.

    Attributes:
        errors: What the console said that was no good.
        requests: Addresses that were asked for.
    """

    def __init__(self, browser: Browser, context: str, session: str) -> None:
        self._browser, self._context, self._session = browser, context, session
        self.errors: list[str] = []
        self.requests: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)

    def listen(self, method: str, params: dict[str, Any]) -> None:
        """Note what the page reports."""
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(str([one.get("value") or one.get("description") for one in params["args"]]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requests.append(params["url"])

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command to this page."""
        return self._browser.call(method, self._session, **params)

    def resize(self, *, width: int = 1280, height: int = 800, dark: bool = False, scale: float = 1) -> None:
        """Be a window of some size and of light or dark colours."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address: str, *, wait: bool = True) -> None:
        """Go there, and wait until the page knows its server."""
        self.call("Page.navigate", url=address)
        if wait:
            self.wait(
                "document.readyState === 'complete' && document.getElementById('server')?.dataset.state !== 'asking'"
            )

    def prepare(self, script: str) -> None:
        """Run a script before those of every page that is opened from now on."""
        self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, of a promise what it resolves to."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str, timeout_s: float = WAIT_S) -> None:
        """Wait until a condition holds."""
        deadline = time.monotonic() + timeout_s
        while not self.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < deadline, f"never: {condition}\n{self.errors}\n{self.text('main')}"
            time.sleep(0.02)

    def wait_for(self, found: Callable[[], object]) -> None:
        """Wait until something outside the page is there."""
        deadline = time.monotonic() + WAIT_S
        while not found():
            assert time.monotonic() < deadline, "it never came"
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        """Return the visible text of an element."""
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")

    def value(self, selector: str) -> str:
        """Return what is in a field."""
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).value")

    def shows(self, selector: str) -> None:
        """Wait until an element can be seen."""
        self.wait(f"document.querySelector({json.dumps(selector)})?.checkVisibility()")

    def says(self, selector: str, words: str) -> None:
        """Wait until an element can be seen and says something."""
        self.shows(selector)
        self.wait(f"document.querySelector({json.dumps(selector)}).innerText.includes({json.dumps(words)})")

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element."""
        self.shows(selector)
        place = self.evaluate(
            f"""(() => {{
                const element = document.querySelector({json.dumps(selector)});
                element.scrollIntoView({{ block: "center", behavior: "instant" }});
                const box = element.getBoundingClientRect();
                return {{ x: box.x + box.width / 2, y: box.y + box.height / 2 }};
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def write(self, selector: str, text: str) -> None:
        """Type into a field, once it can be seen: what is hidden takes no focus."""
        self.shows(selector)
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def press(self, key: str, *, control: bool = False, shift: bool = False) -> None:
        """Press a key."""
        code, text = _KEYS[key]
        event = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 * control + 8 * shift}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text and not control else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def choose_file(self, selector: str, file: Path) -> None:
        """Choose a file in the browser's dialogue."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def downloads_to(self, folder: Path) -> None:
        """Keep what is saved in a folder."""
        self._browser.call(
            "Browser.setDownloadBehavior", behavior="allow", browserContextId=self._context, downloadPath=str(folder)
        )

    def screenshot(self, file: Path) -> None:
        """Take a picture of what is seen."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
