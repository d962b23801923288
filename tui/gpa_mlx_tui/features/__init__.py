"""One folder for each mode: its screen, its jobs, what they report, its styles."""
