"""What to say to somebody who makes a voice: the scores of the recording, and of the voice, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from gpa_mlx.voices.quality import ClipQuality

Grade: TypeAlias = Literal["good", "fair", "bad"]

TOPICS = ("Length", "Speech", "Noise", "Clipping", "Music", "Voice")
"""What is judged, in the order of the advice."""

READING = (
    "Yesterday the old boatman chose a quiet path along the river, and five young birds flew over his house.\n"
    "昨天傍晚，老船夫沿着河边慢慢走回家，五只小鸟从屋顶飞过。",
    "Would you please bring both of the large green cups, or shall we drink our tea from these white ones?\n"
    "请把那两个绿色的大杯子拿来，还是我们就用这些白的喝茶？",
    "She laughed, shook the rain off her jacket and said that the journey had been longer than she thought.\n"
    "她笑了，抖掉外套上的雨水，说这趟路比她想的要远得多。",
    "Near the market there is a small shop where a patient man repairs watches, radios and broken toys.\n"
    "市场旁边有一家小店，一位耐心的师傅修理手表、收音机和坏了的玩具。",
)
"""To be read aloud while a voice is recorded, the same in English and in Chinese: ordinary sentences, a statement, a
question and a list among them, that have most sounds of their language. The longest takes eight seconds."""

# What is bad here is what `gpa_mlx.jobs.reference_clip.warnings_of` complains about.
LIKE_IT, _RATHER_LIKE_IT = 0.85, 0.75
"""Similarities above which a voice is called like its recording, or rather so; with the demo model, a voice and itself
in its speech agree in 0.87 to 1.00, different speakers in 0.21 to 0.77."""

_NOISY_DB, _QUIET_DB = 15.0, 25.0
_CLIPPED, _TOUCHED = 0.005, 0.001
_TONES_DB = -20.0
_FEW_SPEECH = 0.4
_FEW_VOICED = 0.2
_SHORT = 0.5


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing about a recording.

    Attributes:
        topic: One of `TOPICS`.
        grade: `fair` will do; `bad` will be heard in the voice.
        words: What it is, and what to do about it.
    """

    topic: str
    grade: Grade
    words: str


def advise(quality: ClipQuality, duration_s: float, wanted_s: float) -> tuple[Advice, ...]:
    """Put the scores of a recording into words, one advice for each of `TOPICS`.

    Args:
        quality: Of the recording.
        duration_s: Its length.
        wanted_s: So much the model takes for a voice.
    """
    judged = (
        _length(duration_s, wanted_s),
        _speech(quality.speech_share),
        _noise(quality.snr_db),
        _clipping(quality.clipping_share),
        _music(quality.tone_bed_db),
        _voice(quality.voicing_share, has_speech=quality.speech_share > 0),
    )
    return tuple(Advice(topic, grade, words) for topic, (grade, words) in zip(TOPICS, judged, strict=True))


def verdict(total: float) -> str:
    """Return one word for `ClipQuality.total`."""
    return "very good" if total >= 85 else "good" if total >= 60 else "fair" if total >= 30 else "poor"


def likeness(similarity: float) -> str:
    """Return how like its recording a voice sounds, in a word or two.

    Args:
        similarity: Of the voice and its own speech, 0 to 1.
    """
    return "like it" if similarity > LIKE_IT else "rather like it" if similarity > _RATHER_LIKE_IT else "not like it"


def _length(duration_s: float, wanted_s: float) -> tuple[Grade, str]:
    if duration_s < _SHORT * wanted_s:
        return "bad", f"{duration_s:.1f} s is too short; {wanted_s:g} s are wanted"
    if duration_s < wanted_s - 0.05:
        return "fair", f"{duration_s:.1f} s will do; {wanted_s:g} s are better"
    return "good", f"{duration_s:.1f} s, as much as the model takes"


def _speech(share: float) -> tuple[Grade, str]:
    if share == 0:
        return "bad", "none is heard"
    if share < _FEW_SPEECH:
        return "bad", f"only {share:.0%} of the time: shorter pauses"
    return "good", f"{share:.0%} of the time"


def _noise(snr_db: float) -> tuple[Grade, str]:
    if snr_db < _NOISY_DB:
        return "bad", f"speech is only {snr_db:.0f} dB above it: go nearer"
    if snr_db < _QUIET_DB:
        return "fair", f"some: speech is {snr_db:.0f} dB above it"
    return "good", f"little: speech is {snr_db:.0f} dB above it"


def _clipping(share: float) -> tuple[Grade, str]:
    if share > _CLIPPED:
        return "bad", f"{share:.1%} is cut off: speak softer, or farther"
    if share > _TOUCHED:
        return "fair", f"a little: {share:.2%} is cut off"
    return "good", "none"


def _music(tones_db: float) -> tuple[Grade, str]:
    if tones_db > _TONES_DB:
        return "bad", f"music or hum at {tones_db:.0f} dB: turn it off"
    return "good", "no music or hum under the speech"


def _voice(share: float, *, has_speech: bool) -> tuple[Grade, str]:
    if not has_speech or share < _FEW_VOICED:
        return "bad", "sounds whispered: use your full voice"
    return "good", "has a clear pitch"
