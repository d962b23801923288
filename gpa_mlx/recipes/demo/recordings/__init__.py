"""Recordings to learn from: made by teachers or by people, kept on disk, cut, joined and disturbed."""
