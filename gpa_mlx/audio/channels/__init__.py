"""Recordings with several channels: which of them carry the speech, and the mono that follows from that."""
