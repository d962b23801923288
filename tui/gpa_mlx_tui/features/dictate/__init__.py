"""The mode Dictate."""
