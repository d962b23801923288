"""The parts of a GPA model.

Speaking needs the language model and BiCodec's decoder half, enrolling a voice only the speaker encoder: nothing else
is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from gpa_mlx.codec.decoder import Vocoder
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.model.families.gpa.layout import TokenLayout
from gpa_mlx.model.parts import ModelParts, Part
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.bicodec.encoder import SemanticEncoder
from gpa_mlx.nn.bicodec.speaker import SpeakerEncoder
from gpa_mlx.nn.bicodec.wave_decoder import WaveDecoder
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.nn.wav2vec2 import Wav2Vec2, Wav2Vec2Args
from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.tokenizers.bicodec import SemanticTokenizer, SpeakerTokenizer
from gpa_mlx.tokenizers.glm import GLMTokenizer, LogMelArgs
from gpa_mlx.tokenizers.text import TextTokenizer

if TYPE_CHECKING:
    from gpa_mlx.types import Task


class GPAParts(ModelParts):
    """Configs, tokenizers and networks of a GPA model; arguments and errors as for `ModelParts`.

    Construction reads and checks configs and the tokenizer, not weights.

    Attributes:
        lm_args: Sizes of the language model.
        glm_args: Sizes of the GLM tokenizer.
        log_mel_args: Its feature extractor.
        wav2vec2_args: Sizes of the features of semantic codes.
        bicodec_args: Sizes of the codec.
        text: The text tokenizer.
        layout: Where the codes and markers are in the vocabulary.
    """

    family = "gpa"

    def __init__(self, path: str | os.PathLike[str], adapter: str | os.PathLike[str] | None = None) -> None:
        super().__init__(path, adapter)
        self.lm_args = Qwen3Args.from_dict(*self.config("config.json"))
        self.glm_args = WhisperVQArgs.from_dict(*self.config("glm_tokenizer/config.json"))
        self.log_mel_args = LogMelArgs.from_dict(*self.config("glm_tokenizer/preprocessor_config.json"))
        self.wav2vec2_args = Wav2Vec2Args.from_dict(*self.config("wav2vec2/config.json"))
        self.bicodec_args = BiCodecArgs.from_dict(*self.config("bicodec/config.json"))
        tokenizer = self.path / "tokenizer.json"
        self.text = TextTokenizer.from_file(tokenizer)
        self.layout = TokenLayout.from_added_tokens(self.text.added_tokens(), self.text.base_vocab_size, str(tokenizer))
        self.layout.check_codebooks(
            glm=self.glm_args.codebook_size,
            semantic=self.bicodec_args.quantizer.codebook_size,
            global_=self.bicodec_args.speaker_encoder.codebook_size,
        )
        self.layout.check_vocab_size(self.lm_args.vocab_size)

    @Part
    def language_model(self) -> Qwen3:
        """The Qwen3 decoder; float32 on the CPU, where half precision is slow, otherwise as stored."""
        return self.load_decoder("language model", Qwen3(self.lm_args))

    @Part
    def text_head(self) -> SlicedHead:
        """Output rows of a transcription: text and stop."""
        return SlicedHead(self.language_model.output_layer, [*self.layout.text_ranges, *self._stop_ranges])

    @Part
    def speech_head(self) -> SlicedHead:
        """Output rows of speech: semantic codes and stop."""
        return SlicedHead(self.language_model.output_layer, [self.layout.semantic.ids, *self._stop_ranges])

    @Part
    def full_head(self) -> SlicedHead:
        """All output rows, as the reference samples from."""
        return SlicedHead(self.language_model.output_layer, [(0, self.lm_args.vocab_size)])

    @Part
    def glm(self) -> GLMTokenizer:
        """Audio to GLM codes."""
        network = self.load_network("GLM tokenizer", WhisperVQ(self.glm_args), "glm_tokenizer")
        return GLMTokenizer(network, self.glm_args, self.log_mel_args)

    @Part
    def semantic(self) -> SemanticTokenizer:
        """Audio to semantic codes."""
        features = self.load_network("wav2vec2", Wav2Vec2(self.wav2vec2_args), "wav2vec2")
        encoder = SemanticEncoder(self.bicodec_args)
        return SemanticTokenizer(
            features, self.load_network("BiCodec encoder", encoder, "bicodec", prefixes=encoder.PREFIXES)
        )

    @Part
    def speaker(self) -> SpeakerTokenizer:
        """Audio to speaker codes."""
        encoder = SpeakerEncoder(self.bicodec_args)
        return SpeakerTokenizer(
            self.load_network("speaker encoder", encoder, "bicodec", prefixes=encoder.PREFIXES), self.bicodec_args
        )

    @Part
    def vocoder(self) -> Vocoder:
        """Codes to sound."""
        decoder = WaveDecoder(self.bicodec_args)
        return Vocoder(
            self.load_network("BiCodec decoder", decoder, "bicodec", prefixes=decoder.PREFIXES), self.bicodec_args
        )

    needs: ClassVar[Mapping[Task, tuple[Part[Any, Any], ...]]] = {
        "transcribe": (glm, semantic, text_head),
        "speak": (speech_head, vocoder),
        "vc": (semantic, speech_head, vocoder),
    }

    @property
    def _stop_ranges(self) -> list[tuple[int, int]]:
        return [(i, i + 1) for i in (self.layout.im_end, self.layout.end_content)]
