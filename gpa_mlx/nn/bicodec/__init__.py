"""BiCodec (Spark-TTS, arXiv 2503.01710): semantic and speaker codes to waveform and back."""
