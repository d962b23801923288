"""Transcripts: collected segments, timed-text formats, output files."""
