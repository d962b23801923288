"""The mode Speak."""
