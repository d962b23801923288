"""`SpeakJob`: what it yields, what it writes and tags, and what is left when it is stopped."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from gpa_mlx.errors import AudioFileError, CancelledError, GPAError, InputTextError, NoSpeechError, SettingsError
from gpa_mlx.jobs.audio_output import AudioTarget
from gpa_mlx.jobs.events import (
    AudioChunk,
    Finished,
    GenerationStarted,
    PassageDone,
    PassageStarted,
    ReplacesFile,
    Resumed,
    StartedAnew,
    StepStarted,
    UnknownWords,
    Written,
)
from gpa_mlx.jobs.speak import SpeakJob, SpeakRequest
from gpa_mlx.model.demo import demo_samples
from gpa_mlx.provenance.verification import verify_file
from gpa_mlx.runtime.cancellation import CancelScope, cancellable
from gpa_mlx.synthesis.plan import PassageCount, SynthesisSettings
from gpa_mlx.types import GenerationOptions, Voice

ANNA = Voice(name="anna", global_tokens=(1, 2, 3))
OPTIONS = GenerationOptions(temperature=0.2, seed=5)
FIRST = "The first sentence of this text is here."
SECOND = "The second one follows it closely, as ever."
THIRD = "A paragraph of its own is what the third has."
TEXT = f"{FIRST} {SECOND}\n\n{THIRD}"


@pytest.fixture
def make_job(engine, tmp_path):
    """A job that says three passages and writes `out.wav` and `out.srt`, changed by the given attributes."""
    engine.max_passage_chars = 50

    def make(**changes):
        given = {
            "text": TEXT,
            "voice": ANNA,
            "options": OPTIONS,
            "output": AudioTarget(path=tmp_path / "out.wav"),
            "subtitles": tmp_path / "out.srt",
        }
        return SpeakJob(engine, SpeakRequest(**given | changes))

    return make


@pytest.fixture
def names(tmp_path):
    return lambda: sorted(path.name for path in tmp_path.iterdir())


def test_events_files_and_result(make_job, engine, tmp_path, names):
    job = make_job()
    assert [planned.spoken for planned in job.plan] == [FIRST, SECOND, THIRD]
    assert not engine.calls
    events = list(job.run())
    others = [event for event in events if not isinstance(event, AudioChunk | PassageDone | PassageStarted)]
    assert others == [
        StepStarted(step="loading"),
        GenerationStarted(),
        Written(path=tmp_path / "out.wav"),
        Written(path=tmp_path / "out.srt"),
        Finished(),
    ]
    assert [event.number for event in events if isinstance(event, PassageStarted)] == [0, 1, 2]
    assert [event.passage for event in events if isinstance(event, PassageDone)] == job.result.parts
    samples, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    audio = np.concatenate([event.audio for event in events if isinstance(event, AudioChunk)])
    np.testing.assert_allclose(samples, audio, atol=1 / 32768)
    assert job.result.is_complete
    assert job.result.duration_s == pytest.approx(len(samples) / 16_000)
    assert (job.result.seed, job.result.voice, job.result.finish_reason) == (5, ANNA, "stop")
    assert job.result.elapsed_s >= job.result.first_audio_s > 0
    assert job.result.pieces == []
    assert verify_file(tmp_path / "out.wav").is_intact
    assert (tmp_path / "out.srt").read_text().count("-->") == 3
    assert names() == ["out.srt", "out.wav", "out.wav.json"]


def test_the_sound_comes_before_its_passage_is_done(make_job):
    kinds = [type(event) for event in make_job().run()]
    first = kinds.index(PassageDone)
    assert kinds[first - 1] is AudioChunk
    assert kinds[first + 1] is PassageStarted


@pytest.mark.parametrize("how", ["close", "cancel", "interrupt"])
def test_stopped_it_keeps_what_there_is_and_goes_on_later(make_job, engine, tmp_path, names, how):
    job, scope = make_job(), CancelScope()
    if how == "interrupt":
        engine.failures = {THIRD: KeyboardInterrupt()}
    try:
        with cancellable(scope), closing(job.run()) as events:
            for event in events:
                if isinstance(event, PassageDone) and event.number == 1:
                    if how == "close":
                        break
                    if how == "cancel":
                        scope.cancel()
    except (CancelledError, KeyboardInterrupt):
        assert how != "close"
    assert not job.result.is_complete
    assert job.is_resumable
    assert job.problem is None
    assert names() == [".out.wav.narration", "out.srt", "out.wav"]
    assert (tmp_path / "out.srt").read_text().count("-->") == 2
    assert verify_file(tmp_path / "out.wav").state == "not by gpa-mlx"

    engine.failures = {}
    engine.calls.clear()
    again = make_job()
    events = list(again.run())
    assert Resumed(done=2, count=PassageCount(3, is_exact=True)) in events
    assert engine.spoken == [THIRD]
    assert again.result.resumed_s > 0
    assert len(again.result.parts) == 3
    assert not again.is_resumable
    assert verify_file(tmp_path / "out.wav").is_intact
    whole = make_job(output=AudioTarget(path=tmp_path / "whole.wav"), subtitles=None)
    list(whole.run())
    assert (tmp_path / "whole.wav").read_bytes() == (tmp_path / "out.wav").read_bytes()


def test_what_could_not_be_kept_is_told(make_job, engine, tmp_path):
    engine.failures = {SECOND: KeyboardInterrupt()}
    (tmp_path / "folder").mkdir()
    job = make_job(subtitles=tmp_path / "folder" / "out.srt")
    (tmp_path / "folder").rmdir()
    with pytest.raises(KeyboardInterrupt):
        list(job.run())
    assert isinstance(job.problem, GPAError)
    assert "out.srt cannot be written" in job.problem.message


def test_nothing_is_left_of_what_had_no_sound(make_job, engine, names):
    engine.ending = "nothing"
    job = make_job()
    with pytest.raises(NoSpeechError):
        list(job.run())
    assert names() == []


@pytest.mark.parametrize("stopped", [False, True])
def test_kept_audio_is_saved_like_what_was_written_at_once(make_job, engine, tmp_path, stopped):
    if stopped:
        engine.failures = {THIRD: KeyboardInterrupt()}
    job = make_job(output=None, subtitles=None, keep_audio=True)
    try:
        list(job.run())
    except KeyboardInterrupt:
        assert stopped
    assert job.result.has_audio
    assert sum(map(len, job.result.pieces_from(0.5))) == len(job.result.audio) - 8_000
    job.save(AudioTarget(path=tmp_path / "saved.wav"), tmp_path / "saved.srt")
    assert verify_file(tmp_path / "saved.wav").is_intact
    assert (tmp_path / "saved.srt").read_text().count("-->") == (2 if stopped else 3)
    if not stopped:
        list(make_job().run())
        assert (tmp_path / "saved.wav").read_bytes() == (tmp_path / "out.wav").read_bytes()


def test_a_voice_is_made_from_a_recording(make_job, engine, tmp_path):
    (tmp_path / "berta.wav").write_bytes(demo_samples()[0].file.read_bytes())
    job = make_job(voice=tmp_path / "berta.wav", output=None, subtitles=None)
    list(job.run())
    assert job.result.voice == Voice(name="berta", global_tokens=(1, 2, 3))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"text": "..."}, InputTextError),
        ({"output": AudioTarget(path="out.wma")}, SettingsError),
        ({"subtitles": "out.wav.json"}, SettingsError),
        ({"voice": "out.wav", "create": "out.wav"}, SettingsError),
        ({"create": "out.wav.json"}, SettingsError),
        ({"subtitles": "missing/out.srt"}, GPAError),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_work(make_job, engine, tmp_path, names, changes, error):
    changes = dict(changes)
    if create := changes.pop("create", None):
        (tmp_path / create).write_text("mine")
    for name in ("subtitles", "voice"):
        if name in changes:
            changes[name] = tmp_path / changes[name]
    if "output" in changes:
        changes["output"] = AudioTarget(path=tmp_path / changes["output"].path)
    before = names()
    with pytest.raises(error):
        make_job(**changes)
    assert not engine.calls
    assert names() == before


def test_live_speech_has_no_checkpoint(make_job, engine, names):
    engine.failures = {THIRD: KeyboardInterrupt()}
    job = make_job(settings=SynthesisSettings(live=True), subtitles=None)
    with pytest.raises(KeyboardInterrupt):
        list(job.run())
    assert not job.is_resumable
    assert names() == ["out.wav"]


def interrupt_after(make_job, engine, number, **changes):
    """Interrupt a job before the passage with this number, from 0."""
    passage = [planned.spoken for planned in make_job(**changes).plan][number]
    engine.failures = {passage: KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        list(make_job(**changes).run())
    engine.failures = {}
    engine.calls.clear()


FOURTH = "And the fourth is the last of all of them."
LONG = f"{TEXT}\n\n{FOURTH}"


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_changed_passage_alone_is_said_again(make_job, engine, tmp_path, names, place, subtype):
    output = AudioTarget(path=tmp_path / "out.wav", subtype=subtype)
    interrupt_after(make_job, engine, 3, text=LONG, output=output)
    old = (FIRST, SECOND, THIRD)[place]
    new = old.replace("the", "this").replace("The", "This").replace("A para", "One para")
    changed = LONG.replace(old, new)
    events = list(make_job(text=changed, output=output).run())
    assert engine.spoken == [new, FOURTH]
    told = [event for event in events if isinstance(event, Resumed | StartedAnew)]
    assert [(event.problem, event.kept) for event in told] == [("the text has changed", 3 - place)]
    assert isinstance(told[0], Resumed) == (place > 0)
    assert verify_file(tmp_path / "out.wav").is_intact
    assert names() == ["out.srt", "out.wav", "out.wav.json"]
    whole = AudioTarget(path=tmp_path / "whole.wav", subtype=subtype)
    list(make_job(text=changed, output=whole, subtitles=None).run())
    if place or subtype == "PCM_16":
        ours, fresh = (soundfile.read(tmp_path / name)[0] for name in ("out.wav", "whole.wav"))
        np.testing.assert_allclose(ours, fresh, atol=1e-4 if place else 0.02)
    if place and subtype == "PCM_16":
        assert (tmp_path / "whole.wav").read_bytes() == (tmp_path / "out.wav").read_bytes()


def test_another_voice_says_why_it_starts_anew(make_job, engine):
    interrupt_after(make_job, engine, 2)
    events = list(make_job(voice=Voice(name="bob", global_tokens=(4, 5, 6))).run())
    assert StartedAnew(problem="the voice has changed") in events
    assert engine.spoken == [FIRST, SECOND, THIRD]
    assert not any(isinstance(event, ReplacesFile) for event in events)


def test_a_file_that_was_replaced_meanwhile_is_neither_gone_on_with_nor_called_ours(make_job, engine, tmp_path):
    interrupt_after(make_job, engine, 2)
    foreign = np.random.default_rng(1).uniform(-0.1, 0.1, 200_000)
    soundfile.write(tmp_path / "out.wav", foreign, 16_000)
    events = list(make_job().run())
    told = [event for event in events if isinstance(event, Resumed | StartedAnew | ReplacesFile)]
    assert told == [
        StartedAnew(problem="out.wav was replaced meanwhile"),
        ReplacesFile(path=tmp_path / "out.wav"),
    ]
    assert engine.spoken == [FIRST, SECOND, THIRD]
    list(make_job(output=AudioTarget(path=tmp_path / "whole.wav"), subtitles=None).run())
    assert (tmp_path / "whole.wav").read_bytes() == (tmp_path / "out.wav").read_bytes()


@pytest.mark.parametrize("how", ["replaced", "rewritten"])
def test_a_file_that_another_program_takes_is_not_tagged(make_job, engine, tmp_path, how):
    path = tmp_path / "out.wav"

    def interfere(events):
        for event in events:
            if isinstance(event, PassageDone) and event.number == 1:
                if how == "replaced":
                    path.unlink()
                    soundfile.write(path, np.zeros(100_000), 16_000)
                else:
                    with path.open("r+b") as file:
                        file.seek(100)
                        file.write(bytes(200))

    with pytest.raises(AudioFileError, match="another program"):
        interfere(make_job().run())
    assert not verify_file(path).is_intact


def test_only_foreign_files_are_said_to_be_replaced(make_job, tmp_path):
    first = list(make_job().run())
    again = list(make_job().run())
    assert not any(isinstance(event, ReplacesFile) for event in first + again)
    soundfile.write(tmp_path / "out.wav", np.zeros(100), 16_000)
    assert ReplacesFile(path=tmp_path / "out.wav") in list(make_job().run())


def test_a_book_is_planned_while_it_is_spoken(make_job, engine):
    text = "\n\n".join(f"This is paragraph {number} of a book without an end." for number in range(20_000))
    job = make_job(text=text, subtitles=None)
    assert not job.plan.count.is_exact
    started = []
    with closing(job.run()) as events:
        for event in events:
            if isinstance(event, PassageStarted):
                started.append(event)
                if event.number == 3:
                    break
    assert [event.number for event in started] == [0, 1, 2, 3]
    assert [event.share for event in started] == pytest.approx([0, 1 / 20_000, 2 / 20_000, 3 / 20_000], rel=0.2)
    assert all(abs(event.count.number - 20_000) < 4_000 for event in started)


@pytest.mark.parametrize("speed", [0.5, 1.0, 1.5])
def test_a_passage_is_said_again_and_the_others_stay(make_job, engine, tmp_path, speed):
    job = make_job(output=None, subtitles=None, keep_audio=True, speed=speed)
    list(job.run())
    before, parts = job.result.audio, list(job.result.parts)
    engine.texts = ()
    redone = list(job.redo(1))
    assert [type(event) for event in redone] == [PassageStarted, AudioChunk, PassageDone]
    after, new = job.result.audio, job.result.parts
    assert [part.text for part in new] == [FIRST, SECOND, THIRD]
    assert new[0] == parts[0]
    assert new[1].seed not in (None, parts[1].seed)
    start, end = round(new[1].start_s * 16_000), round(new[1].end_s * 16_000)
    assert np.array_equal(after[:start], before[:start])
    assert np.array_equal(after[start:end], redone[1].audio)
    rest = len(before) - round(parts[1].end_s * 16_000)
    assert np.array_equal(after[end:], before[-rest:])
    moved_s = new[1].end_s - parts[1].end_s
    assert new[2].start_s == pytest.approx(parts[2].start_s + moved_s)
    assert new[2].end_s <= job.result.duration_s + 1e-6
    job.save(AudioTarget(path=tmp_path / "saved.wav"), tmp_path / "saved.srt")
    verdict = verify_file(tmp_path / "saved.wav")
    assert verdict.is_intact
    assert verdict.provenance.metadata.seeds == tuple(part.seed for part in new)
    assert verdict.provenance.metadata.options.get("speed", 1.0) == speed


def test_greedy_speech_is_not_said_again_in_the_same_way(make_job):
    options = GenerationOptions(temperature=0.0)
    job = make_job(output=None, subtitles=None, keep_audio=True, options=options)
    list(job.run())
    before = job.result.audio
    with pytest.raises(SettingsError, match="temperature 0"):
        list(job.redo(0))
    assert np.array_equal(job.result.audio, before)


def test_speed_shortens_passages_and_pauses_alike_and_leaves_no_checkpoint(make_job, names, tmp_path):
    plain = make_job(output=None, subtitles=None, keep_audio=True)
    list(plain.run())
    fast = make_job(speed=2.0)
    list(fast.run())
    samples, _ = soundfile.read(tmp_path / "out.wav")
    assert len(samples) == pytest.approx(len(plain.result.audio) / 2, abs=4)
    for quick, slow in zip(fast.result.parts, plain.result.parts, strict=True):
        assert quick.start_s == pytest.approx(slow.start_s / 2, abs=0.001)
        assert quick.end_s == pytest.approx(slow.end_s / 2, abs=0.001)
    assert names() == ["out.srt", "out.wav", "out.wav.json"]
    with pytest.raises(SettingsError, match="speed 3"):
        make_job(speed=3.0)


@pytest.fixture
def few_words(engine):
    """The engine says the words of the first sentence and no others."""
    words = ("the", "first", "sentence", "of", "this", "text", "is", "here")
    engine.capabilities = replace(engine.capabilities, words=words)
    return words


def test_what_the_model_cannot_say_is_told_before_anything_is_spoken(make_job, engine, few_words):
    job = make_job()
    assert not engine.calls
    events = list(job.run())
    kinds = [type(event) for event in events]
    assert kinds.index(UnknownWords) < kinds.index(PassageStarted)
    told = next(event for event in events if isinstance(event, UnknownWords))
    assert told.are_left_out
    assert told.words[:4] == ("second", "one", "follows", "it")
    assert "first" not in told.words
    assert kinds.count(UnknownWords) == 1
    assert engine.spoken == ["the first sentence of this text is here.", "the.", "of is the."]
    assert [passage.text for passage in job.result.parts] == [FIRST, SECOND, THIRD]


def test_a_text_the_model_cannot_say_at_all_is_refused_with_the_words_it_can(make_job, engine, few_words):
    with pytest.raises(InputTextError) as caught:
        make_job(text="Good morning, everybody.")
    assert "Good, morning, everybody" in caught.value.message
    assert ", ".join(few_words) in caught.value.hint
    with pytest.raises(InputTextError, match=r"and [0-9]+ more"):
        make_job(text=" ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(500)) * 200)
    assert not engine.calls


@pytest.mark.parametrize("how", ["exact", "as written"])
def test_what_is_spoken_as_written_keeps_what_the_model_cannot_say(make_job, engine, few_words, how):
    options = replace(OPTIONS, constrain=how != "exact")
    settings = SynthesisSettings(normalize=how == "exact")
    job = make_job(text="Hello there.", options=options, settings=settings, subtitles=None)
    told = [event for event in job.run() if isinstance(event, UnknownWords)]
    assert told == [UnknownWords(words=("Hello", "there"), are_left_out=False)]
    assert engine.spoken == ["Hello there."]


@pytest.mark.slow
def test_of_a_long_text_further_words_are_told_when_they_come(make_job, engine, few_words):
    text = "The text is here. " * 800 + "\n\nThe zebra is here."
    events = list(make_job(text=text, subtitles=None, output=None).run())
    told = [number for number, event in enumerate(events) if isinstance(event, UnknownWords)]
    assert [events[number].words for number in told] == [("zebra",)]
    assert isinstance(events[told[0] + 1], PassageStarted)
