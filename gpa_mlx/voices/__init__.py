"""Voices: speaker codes, cards, the library, quality of reference clips."""
