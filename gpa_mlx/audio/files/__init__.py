"""Audio files: decoding, WAV writing, chunks of WAV files."""
