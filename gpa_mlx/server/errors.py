"""What goes wrong, as the error object that OpenAI's clients read, and the status code that belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from gpa_mlx.errors import (
    AudioFileError,
    CancelledError,
    GPAError,
    InputTextError,
    InputTooLongError,
    ModelFormatError,
    ModelNotFoundError,
    NoSpeechError,
    SettingsError,
    VoiceError,
)

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


class ApiError(Exception):
    """Something that a client is told.

    Args:
        status: Of HTTP.
        message: What is wrong and what to do, a sentence or two.
        code: For programs.
        param: The field it is about.
        retry_after_s: When another try makes sense; None says nothing.
    """

    def __init__(
        self, status: int, message: str, *, code: str, param: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.retry_after_s = retry_after_s

    @property
    def document(self) -> dict[str, Any]:
        """The error object."""
        if self.status < 500:
            kind = {401: "authentication_error", 429: "rate_limit_error"}.get(self.status, "invalid_request_error")
        else:
            kind = "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    @property
    def response(self) -> Response:
        """The answer that says it."""
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(self.document, self.status, headers)


_STATUSES: tuple[tuple[type[GPAError], int, str, str | None], ...] = (
    (CancelledError, 503, "cancelled", None),
    (InputTooLongError, 413, "input_too_long", None),
    (InputTextError, 400, "invalid_text", "input"),
    (AudioFileError, 400, "invalid_audio", "file"),
    (NoSpeechError, 422, "no_speech", None),
    (VoiceError, 400, "invalid_voice", "voice"),
    (SettingsError, 400, "invalid_value", None),
    (ModelNotFoundError, 503, "model_not_available", "model"),
    (ModelFormatError, 503, "model_not_available", "model"),
)


def api_error(error: BaseException) -> ApiError:
    """Return what a client is told of an exception; of one that nobody foresaw, nothing that says how we are built."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, GPAError):
        words = error.message if not error.hint else f"{error.message} {error.hint}"
        for kind, status, code, param in _STATUSES:
            if isinstance(error, kind):
                return ApiError(status, words, code=code, param=param)
        return ApiError(500, words, code="failed")
    return ApiError(500, "The server failed; its log says more.", code="internal_error")


def invalid(param: str, message: str) -> ApiError:
    """Return the error of a field that cannot be used."""
    return ApiError(400, message, code="invalid_value", param=param)


def unsupported(param: str, message: str) -> ApiError:
    """Return the error of a field whose value is right elsewhere, and not here."""
    return ApiError(400, message, code="unsupported_value", param=param)


async def answer_error(_request: Request, error: Exception) -> Response:
    """Answer with the error object: the handler of exceptions."""
    return api_error(error).response
