"""The stages of the demo model."""
