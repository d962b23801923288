"""Requests to the hub: what the user asked for, and nothing else.

The hub library gives the address, the token and the HTTP client with the user's proxies. Its own requests are not used:
before the first one it fetches a list of coding agents from the hub, and with every one it tells which of them, and
which other libraries, are there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from gpa_mlx.errors import SettingsError
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.store.files import MAX_RECORD_BYTES
from gpa_mlx.version import __version__

_TICK_S = 0.1


class StatusError(Exception):
    """The hub answers with a status other than success.

    Attributes:
        status: The HTTP status.
        code: What the hub says is wrong, `RepoNotFound`; empty where it does not.
    """

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"the server answers {status}")
        self.status = status
        self.code = code


class SlowError(Exception):
    """An answer did not come within its time."""


@dataclass(frozen=True, slots=True)
class HubChannel:
    """A way to ask the hub.

    Attributes:
        client: HTTP client of the hub library; it follows redirects and takes the token off those to other hosts.
        headers: To send with every request, the token among them.
    """

    client: Any
    headers: Mapping[str, str]

    @classmethod
    def open(cls) -> Self:
        """Return what the hub library's environment asks for: `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE`, proxies.

        Raises:
            SettingsError: `HF_ENDPOINT` is an `http://` address of another machine, and there is a token, which would
                be sent in clear.
        """
        from huggingface_hub import constants, get_session, get_token

        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        address = urlsplit(constants.ENDPOINT)
        if token and address.scheme == "http" and address.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise SettingsError(
                f"HF_ENDPOINT is {constants.ENDPOINT}, over which your token would be sent in clear.",
                hint="Give an https:// address, or unset HF_TOKEN and run `hf auth logout`.",
            )
        headers = {"User-Agent": f"gpa-mlx/{__version__}"}
        return cls(get_session(), {**headers, "Authorization": f"Bearer {token}"} if token else headers)

    def get_record(self, url: str, *, stall_s: float, within_s: float) -> bytes:
        """Return a small document.

        Args:
            url: Where it is.
            stall_s: A connection that gives nothing for so long has failed.
            within_s: When all of it must be there: a byte now and then is no answer.

        Raises:
            StatusError: There is none.
            SlowError: It did not come in time.
            ValueError: It is larger than any record, or compressed.
            CancelledError: As `check_cancelled`.
            Exception: Errors of the HTTP client.
        """
        answers: list[bytes | Exception] = []

        def ask() -> None:
            try:
                answers.append(self._receive(url, stall_s))
            except Exception as error:  # noqa: BLE001 - it is raised again in the thread that waits
                answers.append(error)

        ends_s = time.monotonic() + within_s
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        while asking.is_alive():
            check_cancelled()
            if time.monotonic() > ends_s:
                raise SlowError(f"its answer did not come within {within_s:g} s")
            asking.join(_TICK_S)
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]

    def _receive(self, url: str, stall_s: float) -> bytes:
        headers = {**self.headers, "Accept-Encoding": "identity"}
        with self.client.stream("GET", url, headers=headers, timeout=stall_s) as response:
            if response.status_code != 200:
                raise StatusError(response.status_code, response.headers.get("X-Error-Code", ""))
            # A few bytes that are compressed several times over stand for more than memory holds.
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise ValueError("its answer is compressed, which was not asked for")
            content = bytearray()
            for chunk in response.iter_raw():
                content += chunk
                if len(content) > MAX_RECORD_BYTES:
                    raise ValueError(f"its answer is larger than {MAX_RECORD_BYTES} bytes")
            return bytes(content)
