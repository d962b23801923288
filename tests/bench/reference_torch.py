#!/usr/bin/env python3
"""What the PyTorch reference computes, on the CPU in float32, as a worker process.

`compare_reference.py` starts it, so that torch's threads and memory stay out of the process whose speed is measured.
It answers one JSON object per line on stdin with one per line on stdout:

    {"op": "about"}                                             versions, threads, and what is run
    {"op": "load", "part": "glm" | "wav2vec2" | "lm"}            seconds
    {"op": "glm" | "wav2vec2", "wave": "FILE.npy"}               seconds of one pass over 16 kHz float32 samples
    {"op": "decode", "prompt": [ids], "max_tokens": N}           seconds to the first token, seconds of the others

The weights come from the upstream directory. What runs:

* glm: transformers' WhisperFeatureExtractor; the two causal convolutions; transformers' WhisperEncoderLayer (SDPA), as
  many as the codebook needs (16 of 32), with the block-causal mask; average or max pooling; nearest code.
* wav2vec2: transformers' feature extractor and Wav2Vec2Model with ALL layers and hidden states, then the mean of 11, 14
  and 16: the reference does compute the layers above.
* lm: transformers' Qwen3ForCausalLM, greedy `generate` with its KV cache, logits over the FULL vocabulary.

Not here: the BiCodec encoder and speaker encoder (no torch implementation outside the reference's own repository), and
loudness normalisation. The reference does that work too, so its real times are longer than these.
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
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional
from transformers import Qwen3ForCausalLM, Wav2Vec2FeatureExtractor, Wav2Vec2Model, WhisperConfig
from transformers import WhisperFeatureExtractor as LogMel
from transformers.generation.streamers import BaseStreamer
from transformers.models.whisper.modeling_whisper import WhisperEncoderLayer

WAV2VEC2 = Path("BiCodec") / "wav2vec2-large-xlsr-53"
FEATURE_LAYERS = (11, 14, 16)
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
        elif part == "wav2vec2":
            extractor = Wav2Vec2FeatureExtractor.from_pretrained(self.source / WAV2VEC2)
            network = Wav2Vec2Model.from_pretrained(self.source / WAV2VEC2, dtype=torch.float32).eval()
            self.parts[part] = (extractor, network)
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

    def wav2vec2(self, wave: str) -> dict[str, Any]:
        samples = np.load(wave)
        extractor, network = self.parts["wav2vec2"]
        start = time.perf_counter()
        inputs = extractor(samples, sampling_rate=RATE_HZ, return_tensors="pt", padding=True).input_values
        states = network(inputs, output_hidden_states=True).hidden_states
        features = sum(states[i] for i in FEATURE_LAYERS) / len(FEATURE_LAYERS)
        return {"seconds": time.perf_counter() - start, "frames": features.shape[1]}

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
    operations = {name: getattr(reference, name) for name in ("about", "load", "unload", "glm", "wav2vec2", "decode")}
    for line in sys.stdin:
        request = json.loads(line)
        operation = operations[request.pop("op")]
        print(json.dumps(operation(**request)), flush=True)


if __name__ == "__main__":
    main()
