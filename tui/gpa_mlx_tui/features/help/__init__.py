"""The mode Help."""
