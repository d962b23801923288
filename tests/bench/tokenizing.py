"""Audio to codes, and codes to audio: gpa-mlx against the reference's networks in torch."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from trials import OURS, TORCH, Comparison, interleave

from gpa_mlx.engine.gpa import GPA
from gpa_mlx.tokenizers.bicodec import bicodec_waveform
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch_worker import TorchWorker

    from gpa_mlx.model.families.gpa.family import GPAModel
    from gpa_mlx.types import Codes, Waveform


def _speech_like(seconds: float) -> np.ndarray:
    """Make a voiced, syllable-modulated tone with noise, `(samples,)` float32: no digital silence, no recording."""
    rng = np.random.default_rng(0)
    time_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    pitch_hz = 120 + 20 * np.sin(2 * np.pi * 0.7 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    envelope = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time_s)
    return (0.1 * envelope * voice + 0.005 * rng.standard_normal(len(time_s))).astype(np.float32)


def compare_tokenizers(parts: GPAModel, torch: TorchWorker | None, seconds: float, trials: int) -> Iterator[Comparison]:
    """Compare audio to codes: all three kinds, then each kind; torch's notes say how many codes are the same."""
    wave = _speech_like(seconds)
    gpa = GPA(parts)

    def loud() -> Waveform:
        return bicodec_waveform(wave.astype(np.float64), parts.bicodec_args)

    normalized, ours = loud(), gpa.tokenize((wave, SAMPLE_RATE_HZ))
    everything = {OURS: lambda: _seconds_of(lambda: gpa.tokenize((wave, SAMPLE_RATE_HZ)))}
    glm = {OURS: lambda: _seconds_of(lambda: parts.glm.encode(wave))}
    semantic = {OURS: lambda: _seconds_of(lambda: parts.semantic.encode(normalized))}
    speaker = {OURS: lambda: _seconds_of(lambda: parts.speaker.encode(loud()))}
    theirs: dict[str, list[int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        if torch is not None:
            file = str(Path(folder) / "wave.npy")
            np.save(file, wave)
            for part in ("glm", "bicodec"):
                torch.ask("load", part=part)

            def ask(kind: str) -> float:
                answer = torch.ask(kind, wave=file)
                theirs[kind] = answer["codes"]
                return answer["seconds"]

            glm[TORCH] = lambda: ask("glm")
            semantic[TORCH] = lambda: ask("semantic")
            speaker[TORCH] = lambda: ask("global")
            everything[TORCH] = lambda: ask("glm") + ask("semantic") + ask("global")
        yield Comparison(
            what=f"tokenise {seconds:g} s of audio",
            unit="s",
            better="lower",
            values=interleave(everything, trials),
            notes={
                OURS: "GLM, semantic and speaker codes",
                TORCH: "the same, one after the other, as the reference computes them",
            },
            bar={TORCH: 1.0},
        )
        yield Comparison(
            what="of it: GLM codes",
            unit="s",
            better="lower",
            values=interleave(glm, trials),
            notes={OURS: "log-mel, encoder, codes", TORCH: f"the same{_agreement(ours.glm, theirs.get('glm'))}"},
        )
        yield Comparison(
            what="of it: semantic codes",
            unit="s",
            better="lower",
            values=interleave(semantic, trials),
            notes={
                OURS: "wav2vec2 to layer 16, BiCodec encoder, codes",
                TORCH: f"the same, all wav2vec2 layers{_agreement(ours.semantic, theirs.get('semantic'))}",
            },
        )
        yield Comparison(
            what="of it: speaker codes",
            unit="s",
            better="lower",
            values=interleave(speaker, trials),
            notes={
                OURS: "loudness, mel, speaker encoder, codes",
                TORCH: f"the same, and the x-vector{_agreement(ours.global_tokens, theirs.get('global'))}",
            },
        )
    if torch is not None:
        torch.ask("unload")


def measure_vocoder(parts: GPAModel, trials: int) -> Iterator[Comparison]:
    """Real-time factor of codes to waveform, short and long."""
    rng = np.random.default_rng(0)
    quantizer, speaker = parts.bicodec_args.quantizer, parts.bicodec_args.speaker_encoder
    voice = rng.integers(0, speaker.codebook_size, speaker.token_num).tolist()
    for seconds in (1, 10):
        codes = rng.integers(0, quantizer.codebook_size, 50 * seconds).tolist()

        def real_time_factor(codes: list[int] = codes) -> float:
            start = time.perf_counter()
            wave = parts.vocoder.decode(codes, voice)
            return (time.perf_counter() - start) / (len(wave) / SAMPLE_RATE_HZ)

        yield Comparison(
            what=f"vocoder, {len(codes)} codes",
            unit="RTF",
            better="lower",
            values=interleave({OURS: real_time_factor}, trials),
            notes={OURS: "prenet + wave generator, in one piece"},
        )


def _agreement(ours: Codes, theirs: list[int] | None) -> str:
    """Count the codes at the same place that are equal, as the end of a note; nothing without torch."""
    if theirs is None:
        return ""
    same = sum(a == b for a, b in zip(ours.tolist(), theirs, strict=True))
    return f"; {same} of {len(theirs)} codes equal gpa-mlx's"


def _seconds_of(run: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
