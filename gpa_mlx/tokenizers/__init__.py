"""Audio to codes, text to ids and back."""
