"""Training: from recordings to a model."""
