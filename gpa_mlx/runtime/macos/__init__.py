"""What only a Mac can be asked: system libraries through ctypes, one question per module."""
