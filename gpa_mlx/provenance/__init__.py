"""Provenance of generated audio: a tag inside the WAV file, a record beside it, and whether both still fit.

The tag is two texts in the INFO list of the file. It says that the sound is synthetic, and has the digests of the
samples and of the record. The record (the sidecar) says how the sound was made. Texts and recordings are in neither,
only their digests. Nothing here is a signature: who wants to deceive can remove or forge both.
"""
