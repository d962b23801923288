"""Codes to waveform."""
