"""One screen for each mode."""
