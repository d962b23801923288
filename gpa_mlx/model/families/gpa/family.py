"""GPA's entry in the registry of families."""

from __future__ import annotations

from gpa_mlx.model.families.gpa.parts import GPAParts
from gpa_mlx.model.families.gpa.tasks import GPASpeech, GPATranscription
from gpa_mlx.model.family import ModelFamily


class GPAModel(GPAParts):
    """A GPA model with all its tasks; arguments and errors as for `ModelParts`."""

    @property
    def transcription(self) -> GPATranscription:
        """Recordings to text."""
        return GPATranscription(self)

    @property
    def speech(self) -> GPASpeech:
        """Text to speech."""
        return GPASpeech(self)

    @property
    def conversion(self) -> GPASpeech:
        """Speech to speech."""
        return GPASpeech(self)

    @property
    def enrollment(self) -> GPASpeech:
        """Recordings to voices."""
        return GPASpeech(self)

    @property
    def codec(self) -> GPASpeech:
        """Recordings to codes and back."""
        return GPASpeech(self)


GPA_FAMILY = ModelFamily(name=GPAModel.family, title="GPA", tasks=frozenset(GPAModel.needs), open_model=GPAModel)
