"""Synthetic speech with exact word and phone times."""
