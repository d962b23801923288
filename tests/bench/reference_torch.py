#!/usr/bin/env python3
"""What the PyTorch reference computes, on the CPU in float32, as a worker process.

`compare_reference.py` starts it, so that torch's threads and memory stay out of the process whose speed is measured.
It answers one JSON object per line on stdin with one per line on stdout:

    {"op": "about"}                                           versions, threads, dtype
    {"op": "load", "part": "glm" | "bicodec" | "lm"}          seconds
    {"op": "unload"}                                          nothing; all parts are dropped
    {"op": "glm" | "semantic" | "global", "wave": "FILE.npy"} seconds of one pass over 16 kHz samples, and the codes
    {"op": "decode", "prompt": [ids], "max_tokens": N}        seconds to the first token and of the others, the tokens

The weights come from the upstream directory. What runs:

* glm: transformers' WhisperFeatureExtractor; the two causal convolutions; transformers' WhisperEncoderLayer (SDPA), as
  many as the codebook needs (16 of 32), with the block-causal mask; average or max pooling; nearest code.
* semantic: transformers' feature extractor and Wav2Vec2Model with ALL layers and hidden states (the reference does
  compute the layers above the last one it uses), the mean of 11, 14 and 16, BiCodec's encoder, nearest code.
* global: loudness normalisation, the reference clip, its mel spectrogram, ECAPA-TDNN with its x-vector (which the
  reference computes and drops), the perceiver, FSQ codes.
* lm: transformers' Qwen3ForCausalLM, greedy `generate` with its KV cache, logits over the FULL vocabulary.

So one pass of glm, semantic and global is the reference's work from samples to codes. Loudness is normalised once for
both BiCodec tokenizers and counted with `global`. Not here: reading and resampling files. BiCodec's own networks are in
`reference_bicodec.py`, since transformers has only the others.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from reference_bicodec import BiCodecTokenizer
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional
from transformers import Qwen3ForCausalLM, WhisperConfig
from transformers import WhisperFeatureExtractor as LogMel
from transformers.generation.streamers import BaseStreamer
from transformers.models.whisper.modeling_whisper import WhisperEncoderLayer

RATE_HZ = 16_000


class WhisperVQ(nn.Module):
    """The GLM-4-Voice tokenizer's encoder around transformers' Whisper layers."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config = WhisperConfig(**raw)
        config._attn_implementation = "sdpa"
        self.block, self.pooling = raw["quantize_causal_block_size"], raw["pooling_kernel_size"]
        self.pool = functional.avg_pool1d if raw["pooling_type"] == "avg" else functional.max_pool1d
        self.log_mel = LogMel.from_pretrained(folder)
        width = config.d_model
        self.conv1 = nn.Conv1d(config.num_mel_bins, width, 3)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2)
        self.embed_positions = nn.Embedding(config.max_source_positions, width)
        self.layers = nn.ModuleList(WhisperEncoderLayer(config) for _ in range(raw["quantize_position"]))
        self.codebook = nn.Embedding(raw["quantize_vocab_size"], width)
        absent = self.load_state_dict(load_file(folder / "model.safetensors"), strict=False).missing_keys
        if absent:
            raise ValueError(f"{folder} lacks {absent}")
        self.float().eval()

    def forward(self, wave: np.ndarray) -> torch.Tensor:
        """Map samples `(n,)` to codes."""
        features = self.log_mel(
            wave,
            sampling_rate=RATE_HZ,
            return_attention_mask=True,
            return_tensors="pt",
            padding="longest",
            pad_to_multiple_of=self.log_mel.hop_length * 2 * self.pooling,
        )
        x = functional.gelu(self.conv1(functional.pad(features["input_features"], (2, 0))))
        x = functional.gelu(self.conv2(functional.pad(x, (2, 0)))).transpose(1, 2)
        length = x.shape[1]
        x = x + self.embed_positions.weight[:length]
        valid = features["attention_mask"][:, ::2].bool()
        block = torch.arange(length) // self.block
        visible = (block[:, None] >= block[None, :]) & valid[:, None, None, :]
        mask = torch.zeros(visible.shape).masked_fill(~visible, torch.finfo(torch.float32).min)
        for layer in self.layers:
            x = layer(x, mask)
        x = self.pool(x.transpose(1, 2), self.pooling).transpose(1, 2)[0]
        book = self.codebook.weight
        codes = (book.square().sum(1) - 2 * x @ book.T).argmin(1)
        return codes[valid[0, :: self.pooling]]


class _Stamps(BaseStreamer):
    """Remembers when each token came; `generate` hands the prompt over first."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, value: torch.Tensor) -> None:
        self.times.append(time.perf_counter())

    def end(self) -> None:
        pass


class Reference:
    """The reference's networks, loaded part by part."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.parts: dict[str, Any] = {}

    def about(self) -> dict[str, Any]:
        return {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "threads": torch.get_num_threads(),
            "dtype": "float32",
        }

    def load(self, part: str) -> dict[str, Any]:
        start = time.perf_counter()
        if part == "glm":
            self.parts[part] = WhisperVQ(self.source / "glm-4-voice-tokenizer")
        elif part == "bicodec":
            self.parts[part] = BiCodecTokenizer(self.source / "BiCodec")
        else:
            self.parts[part] = Qwen3ForCausalLM.from_pretrained(self.source, dtype=torch.float32).eval()
            self.parts[part].generation_config.eos_token_id = None  # always the asked number of tokens
        return {"seconds": time.perf_counter() - start}

    def unload(self) -> dict[str, Any]:
        self.parts.clear()
        return {}

    def glm(self, wave: str) -> dict[str, Any]:
        samples = np.load(wave)
        start = time.perf_counter()
        codes = self.parts["glm"](samples)
        return {"seconds": time.perf_counter() - start, "codes": codes.tolist()}

    def semantic(self, wave: str) -> dict[str, Any]:
        bicodec = self.parts["bicodec"]
        normalized = bicodec.normalize(np.load(wave))
        start = time.perf_counter()
        codes = bicodec.semantic(normalized)
        return {"seconds": time.perf_counter() - start, "codes": codes.tolist()}

    def speaker(self, wave: str) -> dict[str, Any]:
        bicodec = self.parts["bicodec"]
        samples = np.load(wave)
        start = time.perf_counter()
        codes = bicodec.speaker(bicodec.normalize(samples))
        return {"seconds": time.perf_counter() - start, "codes": codes.tolist()}

    def decode(self, prompt: list[int], max_tokens: int) -> dict[str, Any]:
        ids = torch.tensor([prompt])
        stamps = _Stamps()
        start = time.perf_counter()
        tokens = self.parts["lm"].generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=max_tokens, do_sample=False, streamer=stamps
        )[0, len(prompt) :]
        first, last = stamps.times[1], stamps.times[-1]
        return {"first_s": first - start, "rest_s": last - first, "tokens": tokens.tolist()}


def main() -> None:
    """Serve requests until stdin closes."""
    torch.set_num_threads(os.cpu_count() or 1)
    torch.set_grad_enabled(False)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    reference = Reference(Path(sys.argv[1]))
    operations = {
        "about": reference.about,
        "load": reference.load,
        "unload": reference.unload,
        "glm": reference.glm,
        "semantic": reference.semantic,
        "global": reference.speaker,
        "decode": reference.decode,
    }
    for line in sys.stdin:
        request = json.loads(line)
        operation = operations[request.pop("op")]
        print(json.dumps(operation(**request)), flush=True)


if __name__ == "__main__":
    main()
