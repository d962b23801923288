"""Headers that are wrong about the length, files that were joined, and what lies around the sound."""

from __future__ import annotations

import io
import logging
import struct

import numpy as np
import pytest
import soundfile

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.audio.files.sound_file import FileSource, announced_duration_s

RATE_HZ = 16_000


def tone(seconds, hertz=440.0, rate_hz=RATE_HZ):
    return 0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)


def encoded(samples, rate_hz=RATE_HZ, *, kind="WAV", subtype="PCM_16"):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=kind, subtype=subtype)
    return buffer.getvalue()


def mp3(seconds, hertz=440.0, rate_hz=44_100):
    return encoded(tone(seconds, hertz, rate_hz), rate_hz, kind="MP3", subtype="MPEG_LAYER_III")


@pytest.fixture
def read(tmp_path, caplog):
    """Return what is read of some bytes, and what was said of them."""

    def load(content, name="recording.bin"):
        caplog.clear()
        path = tmp_path / name
        path.write_bytes(content)
        with caplog.at_level(logging.WARNING, logger="gpa_mlx.audio"):
            samples = load_recording(path).first_channel
        return samples, caplog.text

    return load


def pitches(samples, piece_s=0.5):
    """Return the pitch of each half second."""
    piece = round(piece_s * RATE_HZ)
    found = []
    for start in range(0, len(samples) - piece + 1, piece):
        part = samples[start : start + piece]
        found.append(int(round(np.argmax(np.abs(np.fft.rfft(part * np.hanning(piece)))) / piece_s, -1)))
    return found


# -- MP3 -------------------------------------------------------------------------------------------------------------


def xing(content, frames):
    """Return an MP3 file with another number of frames in its header."""
    place = max(content.find(b"Xing"), content.find(b"Info"))
    assert place > 0
    return content[: place + 8] + struct.pack(">I", frames) + content[place + 12 :]


@pytest.mark.parametrize("frames", [0, 3, 10**6])
def test_a_wrong_count_of_frames_neither_cuts_nor_warns(read, frames):
    samples, said = read(xing(mp3(2.0), frames))
    assert abs(len(samples) / RATE_HZ - 2.0) < 0.1
    assert not said


def test_the_samples_of_a_sound_mp3_are_those_of_libsndfile(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(mp3(1.0))
    expected = soundfile.read(path, always_2d=True)[0]
    source = FileSource(path)
    assert np.array_equal(np.concatenate(list(source.blocks())), expected)
    source.close()


@pytest.mark.slow
def test_joined_mp3_files_are_read_to_the_end_whatever_their_format(read, tmp_path):
    parts = mp3(1.0, 400), mp3(1.0, 800, 22_050), mp3(1.0, 1200)
    samples, said = read(b"".join(parts))
    assert [pitch for pitch in (400, 800, 1200) if pitch in pitches(samples)] == [400, 800, 1200]
    assert abs(len(samples) / RATE_HZ - 3.0) < 0.15
    assert not said
    assert announced_duration_s(tmp_path / "recording.bin") == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize("size", [0, 1, 5_000, 2**28 - 1])
def test_an_id3_tag_of_a_wrong_size(read, size):
    tag = b"ID3\4\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + b"TIT2" + bytes(300)
    samples, said = read(tag + mp3(1.0))
    assert abs(len(samples) / RATE_HZ - 1.0) < 0.1
    assert not said


@pytest.mark.parametrize("before", [bytes(9_000), b"junk" * 500, b"\xff\xe0" * 200])
def test_what_is_no_frame_before_the_sound(read, before):
    samples, _ = read(before + mp3(1.0), "a.mp3")
    assert abs(len(samples) / RATE_HZ - 1.0) < 0.1


def test_tags_behind_the_sound_are_no_damage(read):
    samples, said = read(mp3(1.0) + b"APETAGEX" + bytes(2_000) + b"TAG" + bytes(125))
    assert abs(len(samples) / RATE_HZ - 1.0) < 0.1
    assert not said


def test_damage_inside_an_mp3_costs_only_its_place(read):
    content = mp3(2.0, 400)
    middle = len(content) // 2
    samples, said = read(content[:middle] + b"\x55" * 900 + content[middle + 900 :])
    assert len(samples) / RATE_HZ > 1.6
    assert "damaged at 1.0 s" in said or "damaged at 0.9 s" in said


def test_an_mp3_that_is_cut_off_says_so(read):
    content = mp3(2.0)
    samples, said = read(content[: len(content) // 2 + 7])
    assert 0.8 < len(samples) / RATE_HZ < 1.2
    assert "cut off" in said
    assert "of 2." in said


@pytest.mark.slow
def test_notes_of_the_mp3_decoder_do_not_reach_the_user(tmp_path, capfd):
    generator = np.random.default_rng(3)
    content = bytearray(mp3(2.0))
    for place in generator.integers(2_000, len(content), 60):
        content[place] ^= 0x24
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    load_recording(path)
    path.write_bytes(xing(mp3(1.0), 9) + bytes(3_000) + mp3(1.0))
    load_recording(path)
    assert capfd.readouterr() == ("", "")


# -- Ogg and FLAC ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16")])
def test_chained_streams_are_read_to_the_end(read, kind, subtype):
    links = [encoded(tone(1.0, hertz), kind=kind, subtype=subtype) for hertz in (400, 800, 1200)]
    samples, said = read(b"".join(links))
    assert abs(len(samples) / RATE_HZ - 3.0) < 0.1
    assert [pitch for pitch in (400, 800, 1200) if pitch in pitches(samples)] == [400, 800, 1200]
    assert not said


def test_links_of_different_rates_channels_and_codecs(read):
    stereo = np.stack([tone(1.0, 800, 48_000)] * 2, axis=1)
    links = encoded(tone(1.0, 400), kind="OGG", subtype="VORBIS"), encoded(stereo, 48_000, kind="OGG", subtype="OPUS")
    samples, _ = read(b"".join(links))
    assert len(samples) / RATE_HZ == pytest.approx(2.0, abs=0.05)
    assert {400, 800} <= set(pitches(samples))


@pytest.mark.parametrize("count", [0, 100, 10**9])
def test_a_flac_whose_header_counts_wrongly(read, count):
    content = bytearray(encoded(tone(1.0), kind="FLAC"))
    content[21] &= 0xF0
    content[22:26] = struct.pack(">I", count)
    samples, said = read(bytes(content))
    assert len(samples) == RATE_HZ
    assert bool(said) == (count > RATE_HZ)


# -- WAV, AIFF, AU ---------------------------------------------------------------------------------------------------


def wav(samples, *, data=None, riff=None, before=b"", after=b""):
    """Return a WAV file with other sizes in its header."""
    sound = (samples * 32767).astype("<i2").tobytes()
    chunk = b"data" + struct.pack("<I", len(sound) if data is None else data) + sound
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    body = b"WAVE" + before + fmt + chunk + after
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


JUNK = b"JUNK" + struct.pack("<I", 28) + bytes(28)
FLLR = b"FLLR" + struct.pack("<I", 4_044) + bytes(4_044)


@pytest.mark.parametrize("riff", [0, 8, 36, 4_132, 0xFFFF_FFFF])
@pytest.mark.parametrize("data", [0, 4_096, 0x7FFF_F000, 0xFFFF_FFFF])
@pytest.mark.parametrize("before", [b"", JUNK, FLLR])
def test_a_wav_that_was_never_finished_is_read_to_its_end(read, riff, data, before):
    samples, said = read(wav(tone(1.0), data=data, riff=riff, before=before))
    assert len(samples) == RATE_HZ
    assert not said


def test_chunks_behind_the_samples_are_no_sound(read):
    info = b"LIST" + struct.pack("<I", 4_000) + b"INFO" + b"x" * 3_996
    for riff in (None, 0):
        samples, said = read(wav(tone(1.0), after=info, riff=riff))
        assert len(samples) == RATE_HZ
        assert not said


def test_an_empty_wav_with_other_chunks_stays_empty(tmp_path):
    from gpa_mlx.errors import AudioFileError

    info = b"LIST" + struct.pack("<I", 400) + b"INFO" + b"x" * 396
    path = tmp_path / "a.wav"
    path.write_bytes(wav(np.zeros(0), after=info))
    with pytest.raises(AudioFileError, match="no samples"):
        load_recording(path)


def test_joined_wav_and_au_files(read):
    samples, said = read(wav(tone(1.0, 400)) + wav(tone(1.0, 800)))
    assert pitches(samples) == [400, 400, 800, 800]
    assert not said
    samples, said = read(encoded(tone(1.0, 400), kind="AU") + encoded(tone(1.0, 800), kind="AU"))
    assert pitches(samples) == [400, 400, 800, 800]
    assert not said


def test_an_aiff_that_was_never_finished(read):
    content = bytearray(encoded(tone(1.0), kind="AIFF"))
    sound, common = content.find(b"SSND"), content.find(b"COMM")
    content[sound + 4 : sound + 8] = bytes(4)
    content[common + 10 : common + 14] = bytes(4)
    samples, said = read(bytes(content))
    assert len(samples) == RATE_HZ
    assert not said


@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")])
def test_zeros_in_front_of_a_file(read, kind, subtype):
    samples, _ = read(bytes(2_000) + encoded(tone(1.0), kind=kind, subtype=subtype))
    assert len(samples) == RATE_HZ


def test_an_ogg_without_its_end_mark_says_so(read):
    content = encoded(0.1 * np.random.default_rng(0).standard_normal(64_000), kind="OGG", subtype="VORBIS")
    samples, said = read(content[: len(content) // 2])
    assert 8_000 < len(samples) < 40_000
    assert "no end mark" in said
