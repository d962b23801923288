"""Cutting: nothing lost, nothing doubled, no word hurt, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.audio.recording import Recording
from gpa_mlx.audio.vad.cut_points import quietest_cut
from gpa_mlx.audio.vad.detector import PendingDecisions
from gpa_mlx.audio.vad.energy_gate import EnergyGate
from gpa_mlx.audio.vad.segmenter import Segmenter, iter_segments
from gpa_mlx.audio.vad.streaming_gate import StreamingEnergyGate
from gpa_mlx.errors import SettingsError
from tests.support.examples import examples

RATE_HZ = 16_000


class ScriptedDetector:
    """Says what the test wrote down, with a delay as real detectors have."""

    def __init__(self, mask, *, frame_samples=320, delay=0):
        self.frame_samples = frame_samples
        self._script = np.asarray(mask, dtype=bool)
        self._delay = delay
        self.pending = PendingDecisions()
        self.reset()

    def reset(self):
        self._seen = self._told = 0

    def push(self, frames):
        assert frames.shape[1] == self.frame_samples
        self._seen += len(frames)
        return self._tell(max(self._told, self._seen - self._delay))

    def flush(self):
        return self._tell(self._seen)

    def _tell(self, until):
        mask = self._script[self._told : until]
        self._told = until
        return mask


def blocks_of(recording, sizes):
    position = index = 0
    while position < len(recording):
        size = sizes[index % len(sizes)]
        yield recording[position : position + size]
        position += size
        index += 1


def mono(samples):
    return Recording(samples, samples)


def numbered(samples):
    """Samples that say where they come from, with a second track that says it differently."""
    counted = np.arange(samples, dtype=np.float64)
    return Recording(counted, -counted)


def segments_of(recording, sizes=(5000,), **options):
    return list(iter_segments(blocks_of(recording, sizes), **({"vad": None} | options)))


def places(segments):
    return [(segment.start_s, segment.end_s) for segment in segments]


def check(segments, recording, max_duration_s):
    """Every segment holds exactly the samples its times name; segments are in order and not too long."""
    previous = 0.0
    for segment in segments:
        first, stop = round(segment.start_s * RATE_HZ), round(segment.end_s * RATE_HZ)
        assert previous <= segment.start_s < segment.end_s <= recording.duration_s
        assert stop - first <= max_duration_s * RATE_HZ
        assert np.array_equal(segment.recording.first_channel, recording.first_channel[first:stop])
        assert np.array_equal(segment.recording.channel_mean, recording.channel_mean[first:stop])
        previous = segment.end_s


def phrase(seconds, seed=0):
    """Speech-like: noise bursts of 0.15 s with dips of 0.05 s."""
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))
    time_s = np.arange(len(samples)) / RATE_HZ
    return samples * np.where(time_s % 0.2 < 0.15, 1.0, 0.05)


def silence(seconds):
    return 1e-5 * np.random.default_rng(9).standard_normal(round(seconds * RATE_HZ))


# -- without a detector ----------------------------------------------------------------------------------------------


@examples(60)
@given(
    samples=st.integers(0, 5 * RATE_HZ),
    sizes=st.lists(st.integers(1, 40_000).map(lambda size: max(size, 200)), min_size=1, max_size=4),
    max_duration_s=st.sampled_from([0.5, 0.77, 1.0, 2.5]),
)
def test_no_sample_is_lost_or_doubled(samples, sizes, max_duration_s):
    recording = numbered(samples)
    segments = segments_of(recording, sizes, max_duration_s=max_duration_s)
    check(segments, recording, max_duration_s)
    joined = [segment.recording.first_channel for segment in segments]
    assert np.array_equal(np.concatenate(joined) if joined else np.zeros(0), recording.first_channel)
    if len(segments) > 1:
        assert min(len(segment.recording) for segment in segments) >= 0.1 * RATE_HZ


@examples(25)
@given(
    seed=st.integers(0, 1000),
    sizes=st.lists(st.integers(100, 60_000), min_size=1, max_size=4),
    use_vad=st.booleans(),
)
def test_segments_do_not_depend_on_the_blocks(seed, sizes, use_vad):
    generator = np.random.default_rng(seed)
    parts = []
    for _ in range(4):
        parts += [phrase(generator.uniform(0.3, 3), seed), silence(generator.uniform(0.05, 2))]
    recording = mono(np.concatenate(parts))
    options = {"max_duration_s": 2.0}
    expected = segments_of(recording, (len(recording),), vad=EnergyGate() if use_vad else None, **options)
    actual = segments_of(recording, sizes, vad=EnergyGate() if use_vad else None, **options)
    assert places(actual) == places(expected)
    check(actual, recording, 2.0)


@pytest.mark.parametrize("extra", [1, 159, 160, 1599, 1600, 1601, 3200])
def test_a_little_more_than_one_segment_leaves_no_crumb(extra):
    recording = mono(phrase(2.0 + extra / RATE_HZ))
    segments = segments_of(recording, max_duration_s=2.0)
    assert len(segments) == 2
    assert min(segment.recording.duration_s for segment in segments) >= 0.1
    check(segments, recording, 2.0)


@pytest.mark.parametrize("samples", [1, 159, 320, 8000, 32_000])
def test_what_fits_stays_whole(samples):
    assert places(segments_of(numbered(samples), max_duration_s=2.0)) == [(0.0, samples / RATE_HZ)]


def test_nothing_gives_nothing():
    assert segments_of(numbered(0)) == []
    assert list(iter_segments([], vad=EnergyGate())) == []


def test_cuts_fall_into_silences():
    parts, silences, position = [], [], 0.0
    for index in range(12):
        for seconds, make in ((1.1 + 0.17 * index, phrase), (0.25, silence)):
            parts.append(make(seconds))
            if make is silence:
                silences.append((position, position + seconds))
            position += seconds
    recording = mono(np.concatenate(parts))
    segments = segments_of(recording, max_duration_s=6.0)
    check(segments, recording, 6.0)
    assert len(segments) >= 4
    for segment in segments[:-1]:
        assert any(start + 0.05 < segment.end_s < end - 0.05 for start, end in silences)


def test_a_silence_early_in_the_window_is_better_than_a_cut_through_speech():
    recording = mono(np.concatenate([phrase(2.0), silence(0.3), phrase(9.0)]))
    first = segments_of(recording, max_duration_s=6.0)[0]
    assert 2.05 < first.end_s < 2.25


def test_speech_without_a_pause_is_cut_in_a_dip():
    recording = mono(phrase(20.0))
    for segment in segments_of(recording, max_duration_s=6.0)[:-1]:
        assert 4.0 <= segment.end_s - segment.start_s <= 6.0
        # Dips of 0.05 s lie at the end of every 0.2 s; cuts fall on frames of 0.02 s.
        assert 0.12 <= segment.end_s % 0.2 <= 0.2 or segment.end_s % 0.2 < 0.021


def test_the_longest_silence_wins_and_of_equals_the_last():
    loud, quiet = 1e-2, 1e-9
    powers = np.full(300, loud)
    powers[210:222] = quiet
    powers[250:280] = quiet
    assert quietest_cut(powers, frame_s=0.02) == 265
    powers[210:240] = quiet
    assert quietest_cut(powers, frame_s=0.02) == 265


@given(
    powers=st.lists(st.floats(0, 10), min_size=1, max_size=400),
    frame_s=st.sampled_from([0.01, 0.02, 0.032]),
)
def test_a_cut_always_exists(powers, frame_s):
    assert 1 <= quietest_cut(np.array(powers), frame_s=frame_s) <= len(powers)


# -- with a detector -------------------------------------------------------------------------------------------------


def test_a_short_recording_with_speech_stays_whole_and_untrimmed():
    recording = mono(np.concatenate([silence(5), phrase(1), silence(5)]))
    assert places(segments_of(recording, vad=EnergyGate())) == [(0.0, 11.0)]


def test_the_whole_rule_holds_to_the_sample():
    script = np.zeros(200, dtype=bool)
    script[20:30] = True
    whole = numbered(2 * RATE_HZ)
    assert places(segments_of(whole, max_duration_s=2.0, vad=ScriptedDetector(script))) == [(0.0, 2.0)]
    longer = numbered(2 * RATE_HZ + 1)
    assert places(segments_of(longer, max_duration_s=2.0, vad=ScriptedDetector(script))) == [(0.2, 0.8)]


@pytest.mark.parametrize("seconds", [2, 60])
def test_no_speech_no_segments(seconds):
    assert segments_of(mono(silence(seconds)), vad=EnergyGate()) == []
    assert segments_of(mono(np.zeros(seconds * RATE_HZ)), vad=EnergyGate()) == []


@pytest.mark.parametrize("delay", [0, 1, 60, 100])
def test_long_pauses_are_dropped_and_short_ones_kept(delay):
    script = np.zeros(1000, dtype=bool)
    script[100:150] = script[190:200] = True  # 0.8 s apart: one stretch
    script[260:300] = True  # 1.2 s later: another
    script[990:] = True  # at the very end
    recording = numbered(1000 * 320)
    segments = segments_of(recording, max_duration_s=10.0, vad=ScriptedDetector(script, delay=delay))
    assert places(segments) == [(1.8, 4.2), (5.0, 6.2), (19.6, 20.0)]
    check(segments, recording, 10.0)


def test_an_incomplete_last_frame_follows_the_one_before():
    script = np.zeros(1000, dtype=bool)
    script[950:] = True
    recording = numbered(1000 * 320 + 123)
    assert places(segments_of(recording, max_duration_s=10.0, vad=ScriptedDetector(script)))[-1][1] == (
        recording.duration_s
    )


def test_a_detector_with_other_frames():
    script = np.zeros(400, dtype=bool)
    script[100:120] = True
    recording = numbered(400 * 512)
    segments = segments_of(recording, max_duration_s=5.0, vad=ScriptedDetector(script, frame_samples=512))
    check(segments, recording, 5.0)
    assert len(segments) == 1
    assert segments[0].start_s == pytest.approx(3.2 - 0.2, abs=0.032)
    assert segments[0].end_s == pytest.approx(3.84 + 0.2, abs=0.032)


@examples(50)
@given(
    runs=st.lists(st.tuples(st.integers(1, 120), st.integers(1, 120)), min_size=1, max_size=12),
    delay=st.integers(0, 120),
    extra=st.integers(0, 319),
    max_duration_s=st.sampled_from([0.5, 1.3, 6.0]),
)
def test_all_speech_is_in_some_segment_and_every_segment_has_speech(runs, delay, extra, max_duration_s):
    script = np.concatenate([np.repeat([False, True], run) for run in runs])
    recording = numbered(len(script) * 320 + extra)
    detector = ScriptedDetector(script, delay=delay)
    segments = segments_of(recording, (7000,), max_duration_s=max_duration_s, vad=detector)
    check(segments, recording, max_duration_s)
    covered = np.zeros(len(script) + 1, dtype=bool)
    for segment in segments:
        first, stop = round(segment.start_s * 50), -(-round(segment.end_s * RATE_HZ) // 320)
        # A segment shorter than a kept pause can lie inside it; those of real use cannot.
        assert max_duration_s < 6 or script[first:stop].any()
        covered[first:stop] = True
    assert covered[: len(script)][script].all()


@pytest.mark.parametrize("snr_db", [None, 10])
def test_spoken_files_far_apart_come_back_one_by_one(golden_audio, snr_db):
    generator = np.random.default_rng(0)
    parts, spoken, position = [], [], 0.0
    for audio_id in ("slt", "rms", "cmn", "rms"):
        speech = soundfile.read(golden_audio(audio_id))[0]
        parts += [speech, np.zeros(8 * RATE_HZ)]
        spoken.append((position, position + len(speech) / RATE_HZ))
        position += len(speech) / RATE_HZ + 8
    samples = np.concatenate(parts)
    if snr_db is not None:
        speech_level = soundfile.read(golden_audio("rms"))[0].std()
        samples = samples + speech_level * 10 ** (-snr_db / 20) * generator.standard_normal(len(samples))
    segments = segments_of(mono(samples), vad=EnergyGate())
    assert len(segments) == 4
    for segment, (start_s, end_s) in zip(segments, spoken, strict=True):
        assert abs(segment.start_s - start_s) < 0.6
        assert abs(segment.end_s - end_s) < 0.6


def test_34_s_of_speech_is_cut_once_in_a_pause(long34):
    recording = mono(long34)
    segments = segments_of(recording, vad=EnergyGate())
    check(segments, recording, 30.0)
    assert len(segments) == 2
    cut = round(segments[0].end_s * RATE_HZ)
    around = np.abs(long34[cut - 1600 : cut + 1600]).max()
    assert around < 0.02 * np.abs(long34).max()


def test_segments_come_before_the_recording_ends():
    """Online: after one minute of a longer recording, at least its first segment must be there."""
    seconds_read = 0

    def source():
        nonlocal seconds_read
        while seconds_read < 300:
            seconds_read += 1
            yield mono(phrase(1.0))

    next(iter_segments(source(), vad=EnergyGate()))
    assert seconds_read <= 35


@pytest.mark.parametrize("max_duration_s", [0.0, 0.4, float("nan"), -1.0])
def test_segments_that_would_be_too_short(max_duration_s):
    with pytest.raises(SettingsError):
        iter_segments([], max_duration_s=max_duration_s, vad=None)


# -- while it is being recorded --------------------------------------------------------------------------------------


def test_a_live_recording_is_cut_at_pauses_however_short_it_is():
    recording = mono(np.concatenate([silence(3), phrase(1), silence(2), phrase(1), silence(1)]))
    segmenter = Segmenter(max_duration_s=30.0, vad=EnergyGate(), is_live=True)
    segments = [segment for block in blocks_of(recording, (777,)) for segment in segmenter.push(block)]
    segments += segmenter.flush()
    check(segments, recording, 30.0)
    assert [start for start, _ in places(segments)] == pytest.approx([2.8, 5.8], abs=0.05)
    assert segmenter.position_s == recording.duration_s


def test_the_early_gate_cuts_as_the_energy_gate_and_sooner():
    recording = mono(
        np.concatenate([silence(3), phrase(2), silence(4), phrase(3), silence(0.5), phrase(1), silence(3)])
    )
    found = {}
    for gate in (EnergyGate(), StreamingEnergyGate()):
        segmenter = Segmenter(max_duration_s=30.0, vad=gate, is_live=True)
        due = [
            (segmenter.position_s, segment.start_s, segment.end_s)
            for block in blocks_of(recording, (800,))
            for segment in segmenter.push(block)
        ]
        found[type(gate)] = due
    late, early = found[EnergyGate], found[StreamingEnergyGate]
    assert [place[1:] for place in late] == [place[1:] for place in early[: len(late)]]
    assert len(early) == 2
    assert all(position_s - end_s <= 1.0 for position_s, _, end_s in early)
    assert all(position_s - end_s >= 2.5 for position_s, _, end_s in late)


def test_open_audio_is_the_growing_part_of_the_segment_to_come():
    recording = mono(np.concatenate([silence(3), phrase(4), silence(3)]))
    segmenter = Segmenter(max_duration_s=30.0, vad=StreamingEnergyGate(), is_live=True)
    spans, segments = [], []
    for block in blocks_of(recording, (800,)):
        segments += segmenter.push(block)
        spans.append(segmenter.open_span)
        opened = segmenter.open_audio()
        assert (opened is None) == (spans[-1] is None)
        if opened is not None:
            check([opened], recording, 30.0)
            assert (opened.start_s, opened.end_s) == spans[-1]
    known = [span for span in spans if span is not None]
    assert known[0][1] < 3.7
    assert all(start_s == pytest.approx(segments[0].start_s, abs=0.05) for start_s, _ in known)
    assert known[-1][1] == pytest.approx(segments[0].end_s, abs=0.1)
    assert [end_s for _, end_s in known] == sorted(end_s for _, end_s in known)
    assert spans[-1] is None


# -- where the speech is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [12, 45])
def test_speech_begins_and_ends_where_the_detector_says(seconds):
    """In a recording that stays whole as in a long one, up to 0.1 s wider."""
    mask = np.zeros(50 * seconds, dtype=bool)
    mask[150:200] = mask[210:300] = True
    recording = numbered(RATE_HZ * seconds)
    (segment,) = segments_of(recording, vad=ScriptedDetector(mask))
    assert segment.speech_s == pytest.approx((2.9, 6.1))
    if seconds < 30:
        assert (segment.start_s, segment.end_s) == (0, seconds)


def test_speech_never_reaches_beyond_the_recording():
    (segment,) = segments_of(numbered(RATE_HZ), vad=ScriptedDetector(np.ones(50, dtype=bool)))
    assert segment.speech_s == (0.0, 1.0)


def test_without_a_detector_all_of_a_segment_is_speech():
    for segment in segments_of(numbered(70 * RATE_HZ), max_duration_s=30.0):
        assert segment.speech_s == (segment.start_s, segment.end_s)


def test_a_live_segment_spans_the_samples_that_are_decoded():
    mask = np.zeros(50 * 10, dtype=bool)
    mask[150:300] = True
    segmenter = Segmenter(max_duration_s=30.0, vad=ScriptedDetector(mask), is_live=True)
    (segment,) = [*segmenter.push(numbered(10 * RATE_HZ)), *segmenter.flush()]
    assert segment.speech_s == (segment.start_s, segment.end_s)
    assert len(segment.recording) == round((segment.end_s - segment.start_s) * RATE_HZ)
