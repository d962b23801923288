"""Errors written for people: one sentence on what is wrong, one on what to do."""

from __future__ import annotations


class GPAError(Exception):
    """Base of every error this package raises on purpose.

    Attributes:
        message: What is wrong, in one sentence, naming the file, key or value.
        hint: What to do about it, in one sentence; may be empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class SettingsError(GPAError):
    """An option, environment variable or settings file holds a value that cannot be used."""


class ModelNotFoundError(GPAError):
    """No model at the given path or under the given name."""


class ModelFormatError(GPAError):
    """A model directory, checkpoint, config or tokenizer is not what it should be."""


class AudioFileError(GPAError):
    """An audio file cannot be read, holds no usable samples, or cannot be written."""


class AudioDeviceError(GPAError):
    """A microphone or loudspeaker cannot be used."""


class VoiceError(GPAError):
    """A voice is unknown, malformed, or cannot be made from the given clip."""


class InputTooLongError(GPAError):
    """Text or audio is longer than one pass can take."""


class InputTextError(GPAError):
    """The given text cannot be spoken."""


class NoSpeechError(GPAError):
    """The model ended without a single code of speech; another seed or other input may help."""


class CancelledError(GPAError):
    """The work was ended on request before it was done."""
