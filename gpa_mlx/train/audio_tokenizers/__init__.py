"""Training of the audio tokenizers and the codec from scratch."""
